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

// compilerID says what turns source into a kernel: the first lines of what gcc and
// ld say of their versions.
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

// environment is added to that of every make. What a user's own variables would
// change in a kernel is set to nothing: a key must say all that a kernel depends on.
// The MAKE variables are those of a make that netstrip itself may run under.
func environment() []string {
	return []string{
		"LC_ALL=C", "KBUILD_BUILD_TIMESTAMP=Thu Jan  1 00:00:00 UTC 1970", "KBUILD_BUILD_USER=netstrip",
		"KBUILD_BUILD_HOST=netstrip", "KBUILD_BUILD_VERSION=1", "SOURCE_DATE_EPOCH=0",
		"LOCALVERSION=", "HOSTCFLAGS=", "HOSTLDFLAGS=", "KCFLAGS=", "KAFLAGS=", "KCPPFLAGS=", "KBUILD_OUTPUT=", "KBUILD_EXTMOD=",
		"KBUILD_EXTRA_SYMBOLS=", "KBUILD_VERBOSE=0", "KCONFIG_CONFIG=.config", "LLVM=", "LLVM_IAS=",
		"CROSS_COMPILE=", "MAKEFLAGS=", "GNUMAKEFLAGS=", "MFLAGS=", "MAKELEVEL=",
	}
}

// variables are those that must win over the Makefiles' own.
func variables() []string { return []string{"ARCH=x86_64", "CC=gcc", "HOSTCC=gcc", "LD=ld"} }

// recipe stands in every key for how kernels are made.
func recipe() string { return strings.Join(append(environment(), variables()...), "\n") }
