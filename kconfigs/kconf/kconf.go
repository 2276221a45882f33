// Package kconf asks the kernel's own Kconfig code what its symbols mean and what a
// request comes to. It runs on the host.
//
// No parser but the kernel's reads Kconfig files right, and every kernel tree has it:
// a program of ours is compiled against the tree's scripts/kconfig once for a tree and a
// compiler, and kept in the cache. It parses the Kconfig files once, in a second or two,
// and then settles a request in a twentieth of a second, to the very bytes that make
// allnoconfig would write in two seconds.
package kconf

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"strings"
	"sync"

	"github.com/netstrip/netstrip/kconfigs/cache"
	"github.com/netstrip/netstrip/kconfigs/file"
	"github.com/netstrip/netstrip/kconfigs/progress"
)

//go:embed program/serve.c
var program string

// kind is that of the entries in the cache; the others are the files of one.
const (
	kind            = "kconf"
	programFile     = "serve"
	environmentFile = "environment"
	symbolsFile     = "symbols"
)

// maxFile bounds what is read of them, in bytes: the symbols of 6.12 have 12 MB.
const maxFile = 256 << 20

// Options say which kernel tree, and how kbuild is run in it. All but Progress must be
// set.
type Options struct {
	Cache    *cache.Cache
	Progress *progress.Printer
	// Tree is the kernel source, an absolute path, and SourceID names its content.
	Tree     string
	SourceID string
	// Compiler says which compiler gcc is: what it can do decides symbols.
	Compiler string
	// Variables are given to make as arguments, Environment as variables.
	Variables, Environment []string
}

// Mode is what becomes of the symbols that a request does not name.
type Mode string

// The modes are targets of kbuild, of which they are the names.
const (
	// AllNo switches off whatever has a prompt, as KCONFIG_ALLCONFIG=request make
	// allnoconfig does.
	AllNo Mode = "allnoconfig"
	// AllYes switches it on.
	AllYes Mode = "allyesconfig"
	// OldDef takes the request for a .config and gives the rest their defaults.
	OldDef Mode = "olddefconfig"
)

// Kconfig answers for one kernel tree. Its methods may be called from any goroutine;
// they take turns.
type Kconfig struct {
	dir string // the entry in the cache
	o   Options

	mu     sync.Mutex
	server *server // once it was needed
}

// Open makes the program for a tree ready, which takes some ten seconds of a processor
// the first time and nothing later. Close is to be called when it is needed no more.
func Open(ctx context.Context, o Options) (*Kconfig, error) {
	h := sha256.New()
	for _, part := range append(append([]string{o.SourceID, o.Tree, o.Compiler, program}, o.Variables...), o.Environment...) {
		fmt.Fprintf(h, "%d:%s", len(part), part)
	}
	dir, err := o.Cache.Publish(ctx, kind, hex.EncodeToString(h.Sum(nil))[:32], func(dir string) error {
		o.Progress.State("reading the Kconfig files of %s", o.Tree)
		return o.fill(ctx, dir)
	})
	if err != nil {
		return nil, err
	}
	return &Kconfig{dir: dir, o: o}, nil
}

// Close ends the program. A Kconfig may be used after it, and closed again.
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

// Symbols returns what the Kconfig files say of every symbol that they define for x86, in
// their order. Choices, which have no names, are among them.
func (k *Kconfig) Symbols() ([]Symbol, error) {
	data, err := file.Read(filepath.Join(k.dir, symbolsFile), maxFile)
	if err != nil {
		return nil, fmt.Errorf("listing the kernel's symbols: %w", err)
	}
	return ParseSymbols(data)
}

// Settle returns the final .config for a request, which is in the form of a .config.
func (k *Kconfig) Settle(ctx context.Context, mode Mode, request []byte) ([]byte, error) {
	return k.ask(ctx, string(mode), request)
}

// Values settles a request and gives what every symbol, choices among them, came to.
func (k *Kconfig) Values(ctx context.Context, mode Mode, request []byte) (map[string]Value, error) {
	data, err := k.ask(ctx, "values "+string(mode), request)
	if err != nil {
		return nil, err
	}
	return parseValues(data)
}

// Expand replaces each macro of a text, such as $(cc-option,-Os), by what the kernel's own
// code makes of it where a line of a Kconfig file has it.
func (k *Kconfig) Expand(ctx context.Context, text string) (string, error) {
	data, err := k.ask(ctx, "expand", []byte(text))
	return string(data), err
}

// ask starts the program if need be. One that was interrupted or has failed in a way
// that is not the command's fault is not used again.
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
