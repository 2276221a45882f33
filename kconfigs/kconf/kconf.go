// Package kconf asks the kernel's own Kconfig code for symbols and for the .config that a
// request leads to. It runs on the host.
//
// Only the kernel's own parser reads Kconfig files correctly, and every tree has it. So a
// program of netstrip's is compiled against the tree's scripts/kconfig, once for each tree
// and compiler, and cached. It parses the Kconfig files in a second or two, and then settles
// a request in a twentieth of a second, to the same bytes that make allnoconfig would write
// in two seconds.
package kconf

import (
	"context"
	_ "embed"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/netstrip/netstrip/kconfigs/cache"
	"github.com/netstrip/netstrip/kconfigs/file"
	"github.com/netstrip/netstrip/kconfigs/progress"
)

//go:embed program/serve.c
var program string

// kind is the kind of the cache entries; the others are the files in one.
const (
	kind            = "kconf"
	programFile     = "serve"
	environmentFile = "environment"
	symbolsFile     = "symbols"
)

// maxFile is their largest size in bytes: the symbols of 6.12 have 12 MB.
const maxFile = 256 << 20

// Options are the kernel tree and how kbuild runs in it. All but Progress must be set.
type Options struct {
	Cache    *cache.Cache
	Progress *progress.Printer
	// Tree is the absolute path of the kernel source, and SourceID identifies its content.
	Tree     string
	SourceID string
	// Compiler identifies gcc: its features decide symbols.
	Compiler string
	// Variables are passed to make as arguments, Environment in the environment.
	Variables, Environment []string
}

// Mode is how symbols that a request does not name are set.
type Mode string

// The modes are named like the targets of kbuild.
const (
	// AllNo switches off everything with a prompt (KCONFIG_ALLCONFIG=request make allnoconfig).
	AllNo Mode = "allnoconfig"
	// AllYes switches everything with a prompt on.
	AllYes Mode = "allyesconfig"
	// OldDef uses the request as a .config and sets the rest to their defaults.
	OldDef Mode = "olddefconfig"
)

// Kconfig answers for one kernel tree. Its methods may be called from any goroutine;
// they take turns.
type Kconfig struct {
	dir string // the entry in the cache
	o   Options

	mu     sync.Mutex
	server *server // nil until it is needed

	once    sync.Once
	symbols []Symbol
	broken  error
}

// Open prepares the program for a tree, which takes about ten seconds of processor time the
// first time and nothing later. Call Close when done.
func Open(ctx context.Context, o Options) (*Kconfig, error) {
	key := cache.Key(slices.Concat([]string{o.SourceID, o.Tree, o.Compiler, program}, o.Variables, o.Environment)...)
	dir, err := o.Cache.Publish(ctx, kind, key[:32], func(dir string) error {
		o.Progress.State("reading the Kconfig files of %s", o.Tree)
		return o.fill(ctx, dir)
	})
	if err != nil {
		return nil, err
	}
	return &Kconfig{dir: dir, o: o}, nil
}

// Close ends the program. The Kconfig may be used and closed again.
func (k *Kconfig) Close() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.stop()
}

func (k *Kconfig) stop() {
	if k.server != nil {
		k.server.stop()
		k.server = nil
	}
}

// Symbols returns every symbol that the Kconfig files define for the architecture, in their order,
// including choices. Every call returns the same list, which callers must not change.
func (k *Kconfig) Symbols() ([]Symbol, error) {
	k.once.Do(func() {
		data, err := file.Read(filepath.Join(k.dir, symbolsFile), maxFile)
		if err != nil {
			k.broken = fmt.Errorf("listing the kernel's symbols: %w", err)
			return
		}
		k.symbols, k.broken = ParseSymbols(data)
	})
	return k.symbols, k.broken
}

// Settle returns the final .config for a request, which has the format of a .config.
func (k *Kconfig) Settle(ctx context.Context, mode Mode, request []byte) ([]byte, error) {
	return k.ask(ctx, string(mode), request)
}

// Values settles a request and returns the value of every symbol, including choices.
func (k *Kconfig) Values(ctx context.Context, mode Mode, request []byte) (map[string]Value, error) {
	data, err := k.ask(ctx, "values "+string(mode), request)
	if err != nil {
		return nil, err
	}
	return parseValues(data)
}

// Expand replaces the macros in a text, such as $(cc-option,-Os), as the kernel's own code
// does in a Kconfig file.
func (k *Kconfig) Expand(ctx context.Context, text string) (string, error) {
	data, err := k.ask(ctx, "expand", []byte(text))
	return string(data), err
}

// ask starts the program if necessary. After an interruption, or an error that is not a
// refusal, it is not used again.
func (k *Kconfig) ask(ctx context.Context, command string, request []byte) ([]byte, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.server == nil {
		env, err := file.Read(filepath.Join(k.dir, environmentFile), maxFile)
		if err != nil {
			return nil, fmt.Errorf("starting the Kconfig program: %w", err)
		}
		k.o.Progress.State("reading the Kconfig files of %s", k.o.Tree)
		k.server, err = start(k.o.Cache, filepath.Join(k.dir, programFile), strings.Split(string(env), "\x00"))
		if err != nil {
			return nil, err
		}
	}
	answer, err := k.server.ask(ctx, command, request)
	if err != nil && !isRefusal(err) {
		k.stop()
	}
	return answer, err
}
