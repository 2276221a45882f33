package bundle

import (
	"bufio"
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/netstrip/netstrip/kconfigs/arch"
)

// maxScripts is how many scripts may be interpreters of each other, as in the kernel
// (exec_binprm, fs/exec.c:1794).
const maxScripts = 5

// LookPath returns the path of a program in the search path, or the name itself if it has a slash.
func (b *Bundle) LookPath(name string) (string, error) {
	if strings.Contains(name, "/") {
		return name, nil
	}
	for _, dir := range filepath.SplitList(b.path) {
		path := filepath.Join(dir, name)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return filepath.Abs(path)
		}
	}
	return "", fmt.Errorf("%s: no such program in $PATH", name)
}

// Program adds a program with what the kernel and the dynamic linker need to start it: libraries,
// and the interpreters of a dynamic program or of a script. Its errors say why a program cannot
// run in the guest, such as one for another architecture.
func (b *Bundle) Program(path string) error { return b.program(path, 0) }

func (b *Bundle) program(path string, scripts int) error {
	real, err := b.follow(path)
	if err != nil {
		return fmt.Errorf("taking a program along: %w", err)
	}
	info, err := os.Stat(real)
	switch {
	case err != nil:
		return fmt.Errorf("taking a program along: %w", err)
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s is not a file", path)
	case info.Mode()&0o111 == 0:
		return fmt.Errorf("%s is not executable", path)
	}
	if err := b.file(real, real, info.Size()); err != nil {
		return fmt.Errorf("taking a program along: %w", err)
	}
	head, err := readHead(real)
	switch {
	case err != nil:
		return fmt.Errorf("taking a program along: %w", err)
	case bytes.HasPrefix(head, []byte("#!")):
		return b.script(path, string(head), scripts)
	case !bytes.HasPrefix(head, []byte(elf.ELFMAG)):
		return fmt.Errorf("%s is neither an ELF file nor a script with #! in its first line", path)
	}
	return b.dynamic(path, real)
}

// headBytes is how much of a file the kernel looks at (BINPRM_BUF_SIZE,
// include/uapi/linux/binfmts.h:19).
const headBytes = 256

func readHead(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	head := make([]byte, headBytes)
	n, err := io.ReadFull(f, head)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil
	}
	return head[:n], err
}

// script adds the interpreter of a script, and the program that env(1) would start.
func (b *Bundle) script(path, head string, scripts int) error {
	if scripts++; scripts > maxScripts {
		return fmt.Errorf("%s: too many scripts interpret each other", path)
	}
	line, _, _ := strings.Cut(strings.TrimPrefix(head, "#!"), "\n")
	words := strings.Fields(line)
	if len(words) == 0 {
		return fmt.Errorf("%s: its first line names no interpreter", path)
	}
	if err := b.program(words[0], scripts); err != nil {
		return fmt.Errorf("the interpreter of %s: %w", path, err)
	}
	if filepath.Base(words[0]) != "env" {
		return nil
	}
	args := slices.DeleteFunc(words[1:], func(w string) bool { return strings.HasPrefix(w, "-") || strings.Contains(w, "=") })
	if len(args) == 0 {
		return nil
	}
	named, err := b.LookPath(args[0])
	if err == nil {
		err = b.program(named, scripts)
	}
	if err != nil {
		return fmt.Errorf("the interpreter of %s: %w", path, err)
	}
	return nil
}

// object is an ELF file that is to be loaded, and the object that needs it.
type object struct {
	path string // without symbolic links
	by   *object
	*elf.File
}

// open opens an ELF file, and checks that the guest can run it.
func (b *Bundle) open(path, real string, by *object) (*object, error) {
	f, err := elf.Open(real)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if err := b.fits(f); err != nil {
		f.Close()
		return nil, fmt.Errorf("%s %w", path, err)
	}
	return &object{real, by, f}, nil
}

// fits returns why the guest cannot run an ELF file.
func (b *Bundle) fits(f *elf.File) error {
	machine := strings.TrimPrefix(f.Machine.String(), "EM_")
	hint := ""
	for _, a := range arch.All() {
		if a.ELF == f.Machine {
			machine, hint = a.Name, "; --arch "+a.Name+" boots kernels that can"
		}
	}
	switch {
	case f.Machine == b.arch.ELF && f.Class == elf.ELFCLASS64:
	case f.Class != elf.ELFCLASS64:
		return fmt.Errorf("is a 32-bit program (%s); the guests have 64-bit programs only", machine)
	default:
		return fmt.Errorf("is a program for %s, and the kernel is for %s%s", machine, b.arch.Name, hint)
	}
	if f.Type != elf.ET_EXEC && f.Type != elf.ET_DYN {
		return fmt.Errorf("is an ELF file that cannot be run (%s)", f.Type)
	}
	return nil
}

// dynamic adds the interpreter and the libraries of an ELF program, if it has any.
func (b *Bundle) dynamic(path, real string) error {
	if b.seen[real] {
		return nil
	}
	b.seen[real] = true
	program, err := b.open(path, real, nil)
	if err != nil {
		return err
	}
	defer program.Close()
	interpreter, err := interpreter(program.File)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if interpreter == "" {
		return nil
	}
	if err := b.library(interpreter); err != nil {
		return fmt.Errorf("%s needs the dynamic linker %s: %w; link it statically, or name a root file system with --root", path, interpreter, err)
	}
	for _, file := range []string{"/etc/ld.so.cache", "/etc/ld.so.preload"} {
		if _, err := os.Stat(file); err == nil {
			if err := b.Add(file); err != nil {
				return err
			}
		}
	}
	return b.needed(program)
}

// interpreter returns the dynamic linker that the kernel starts for a program.
func interpreter(f *elf.File) (string, error) {
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			path, err := io.ReadAll(io.LimitReader(p.Open(), 4096)) // PATH_MAX
			return strings.TrimRight(string(path), "\x00"), err
		}
	}
	return "", nil
}

// library adds a file at a path.
func (b *Bundle) library(path string) error {
	real, err := b.follow(path)
	if err != nil {
		return err
	}
	info, err := os.Stat(real)
	if err != nil {
		return err
	}
	return b.file(real, real, info.Size())
}

// needed adds the libraries that an object needs, and theirs.
func (b *Bundle) needed(o *object) error {
	names, err := o.ImportedLibraries()
	if err != nil {
		return fmt.Errorf("%s: %w", o.path, err)
	}
	for _, name := range names {
		path, err := b.find(o, name)
		if err != nil {
			return err
		}
		real, err := b.follow(path)
		if err != nil {
			return fmt.Errorf("%s needs %s: %w", o.path, name, err)
		}
		if b.seen[real] {
			continue
		}
		b.seen[real] = true
		if err := b.library(path); err != nil {
			return fmt.Errorf("%s needs %s: %w", o.path, name, err)
		}
		lib, err := b.open(path, real, o)
		if err != nil {
			return err
		}
		err = b.needed(lib)
		lib.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

// find returns the path of a library that an object needs, in the order of ld.so(8).
func (b *Bundle) find(o *object, name string) (string, error) {
	if strings.Contains(name, "/") {
		return o.expand(b.arch, name), nil
	}
	for _, dir := range b.searched(o) {
		path := filepath.Join(dir, name)
		if f, err := elf.Open(path); err == nil {
			fits := b.fits(f)
			f.Close()
			if fits == nil { // the linker skips those of another class or machine
				return path, nil
			}
		}
	}
	return "", fmt.Errorf("%s needs the library %s, which is not on this machine", o.path, name)
}

// searched returns where the libraries of an object are looked for.
func (b *Bundle) searched(o *object) []string {
	var dirs []string
	list := func(of *object, tag elf.DynTag) (some bool) {
		all, _ := of.DynString(tag) // an error means none
		for _, text := range all {
			for _, dir := range strings.Split(text, ":") {
				dirs = append(dirs, of.expand(b.arch, dir))
			}
		}
		return len(all) > 0
	}
	if run, _ := o.DynString(elf.DT_RUNPATH); len(run) == 0 { // else DT_RPATH is ignored
		for of := o; of != nil; of = of.by {
			list(of, elf.DT_RPATH)
		}
	}
	dirs = append(dirs, filepath.SplitList(os.Getenv("LD_LIBRARY_PATH"))...)
	list(o, elf.DT_RUNPATH)
	if b.arch.Native() {
		dirs = append(dirs, configured("/etc/ld.so.conf", 0)...)
	}
	multi := b.arch.Multiarch
	return append(dirs, "/lib/"+multi, "/usr/lib/"+multi, "/lib64", "/usr/lib64", "/lib", "/usr/lib", "/usr/"+multi+"/lib")
}

// expand replaces the tokens of ld.so(8) in a path.
func (o *object) expand(a arch.Arch, path string) string {
	for token, value := range map[string]string{"ORIGIN": filepath.Dir(o.path), "LIB": "lib/" + a.Multiarch, "PLATFORM": a.Name} {
		path = strings.NewReplacer("$"+token, value, "${"+token+"}", value).Replace(path)
	}
	return path
}

// maxIncludes bounds how deeply the files of ldconfig(8) include each other.
const maxIncludes = 8

// configured returns the directories in a configuration of ldconfig(8), from which it makes the
// linker's cache.
func configured(path string, depth int) (dirs []string) {
	f, err := os.Open(path)
	if err != nil || depth > maxIncludes {
		return nil // without it there are only the usual directories
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		line, _, _ := strings.Cut(s.Text(), "#")
		words := strings.Fields(line)
		switch {
		case len(words) == 2 && words[0] == "include":
			pattern := words[1]
			if !filepath.IsAbs(pattern) {
				pattern = filepath.Join(filepath.Dir(path), pattern)
			}
			files, _ := filepath.Glob(pattern) // an invalid pattern matches nothing
			for _, file := range files {
				dirs = append(dirs, configured(file, depth+1)...)
			}
		case len(words) == 1:
			dirs = append(dirs, words[0])
		}
	}
	return dirs
}
