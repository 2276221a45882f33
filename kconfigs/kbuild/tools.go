package kbuild

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/arch"
	"github.com/netstrip/netstrip/kconfigs/process"
	"github.com/netstrip/netstrip/kconfigs/programs"
)

// checkTools names everything missing at once, before make stops at the first of it
// with an error that names no package.
func checkTools(ctx context.Context, a arch.Arch) error {
	needs := programs.For("build")
	if !a.Native() {
		needs = append(needs, programs.For("build-"+a.Name)...)
	}
	if err := process.Check(ctx, needs...); err != nil {
		return fmt.Errorf("building a kernel: %w", err)
	}
	return nil
}

// checkConfigTools names everything missing that building a kernel of the .config needs besides.
func checkConfigTools(ctx context.Context, config []byte) error {
	var needed []string
	if modular(config) {
		needed = programs.For("modules")
	}
	for _, p := range programs.All() {
		for _, use := range p.Uses {
			symbol, ok := strings.CutPrefix(use, "config-")
			if ok && bytes.Contains(config, []byte("\nCONFIG_"+symbol+"=y\n")) && !slices.Contains(needed, p.Name) {
				needed = append(needed, p.Name)
			}
		}
	}
	if err := process.Check(ctx, needed...); err != nil {
		return fmt.Errorf("building a kernel of this .config: %w", err)
	}
	return nil
}

// compilerID identifies the compiler and the linker: the first lines of the versions that
// gcc and ld print.
func (b *Builder) compilerID(ctx context.Context) (string, error) {
	b.once.Do(func() { b.compiler, b.compilerErr = identify(ctx, b.arch()) })
	return b.compiler, b.compilerErr
}

func identify(ctx context.Context, a arch.Arch) (string, error) {
	var all []string
	for _, program := range []string{"gcc", "ld"} {
		first, err := process.Version(ctx, a.Compiler()+program, "--version")
		if err != nil {
			return "", fmt.Errorf("identifying the compiler: %w", err)
		}
		all = append(all, first)
	}
	return strings.Join(all, "; "), nil
}

// environment is added to the environment of every make. Variables that would change a
// kernel are cleared, as a key must cover everything that a kernel depends on. The MAKE
// variables are those of a make that netstrip itself may run under.
func environment() []string {
	return []string{
		"LC_ALL=C", "KBUILD_BUILD_TIMESTAMP=Thu Jan  1 00:00:00 UTC 1970", "KBUILD_BUILD_USER=netstrip",
		"KBUILD_BUILD_HOST=netstrip", "KBUILD_BUILD_VERSION=1", "SOURCE_DATE_EPOCH=0",
		"LOCALVERSION=", "HOSTCFLAGS=", "HOSTLDFLAGS=", "KCFLAGS=", "KAFLAGS=", "KCPPFLAGS=", "KBUILD_OUTPUT=", "KBUILD_EXTMOD=",
		"KBUILD_EXTRA_SYMBOLS=", "KBUILD_VERBOSE=0", "KCONFIG_CONFIG=.config", "LLVM=", "LLVM_IAS=",
		"CROSS_COMPILE=", "MAKEFLAGS=", "GNUMAKEFLAGS=", "MFLAGS=", "MAKELEVEL=",
	}
}

// variables override those in the Makefiles.
func variables(a arch.Arch) []string {
	prefix := a.Compiler()
	all := []string{"ARCH=" + a.ARCH, "CC=" + prefix + "gcc", "HOSTCC=gcc", "LD=" + prefix + "ld"}
	if prefix != "" {
		all = append(all, "CROSS_COMPILE="+prefix)
	}
	return all
}

// recipe is the part of every key that covers how kernels are made.
func recipe(a arch.Arch) string { return strings.Join(append(environment(), variables(a)...), "\n") }

// arch is the architecture of the builder's kernels.
func (b *Builder) arch() arch.Arch {
	if b.Arch.Name == "" {
		return arch.Default()
	}
	return b.Arch
}

// checkArch returns an error for a request that is for another architecture.
func (b *Builder) checkArch(req kconfigs.Request) error {
	if req.Arch == "" || req.Arch == b.arch().Name {
		return nil
	}
	return &kconfigs.RequestError{Problems: []kconfigs.Problem{{
		Text: fmt.Sprintf("%s is for %s, not for %s: add --arch %s", req.Profile, req.Arch, b.arch().Name, req.Arch),
	}}}
}
