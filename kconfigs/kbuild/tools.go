package kbuild

import (
	"context"
	"fmt"
	"strings"

	"github.com/netstrip/netstrip/kconfigs/process"
	"github.com/netstrip/netstrip/kconfigs/programs"
)

// checkTools names everything missing at once, before make stops at the first of it
// with an error that names no package.
func checkTools(ctx context.Context) error {
	if err := process.Check(ctx, programs.For("build")...); err != nil {
		return fmt.Errorf("building a kernel: %w", err)
	}
	return nil
}

// compilerID identifies the compiler and the linker: the first lines of the versions that
// gcc and ld print.
func (b *Builder) compilerID(ctx context.Context) (string, error) {
	b.once.Do(func() { b.compiler, b.compilerErr = identify(ctx) })
	return b.compiler, b.compilerErr
}

func identify(ctx context.Context) (string, error) {
	var all []string
	for _, program := range []string{"gcc", "ld"} {
		first, err := process.Version(ctx, program, "--version")
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
func variables() []string { return []string{"ARCH=x86_64", "CC=gcc", "HOSTCC=gcc", "LD=ld"} }

// recipe is the part of every key that covers how kernels are made.
func recipe() string { return strings.Join(append(environment(), variables()...), "\n") }
