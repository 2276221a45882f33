package run

import (
	"maps"
	"slices"
	"strings"

	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/kbuild"
	"github.com/netstrip/netstrip/vmtests/kconfigcheck"
)

// judged returns the findings with the states of their symbols, inconclusive where a feature is in
// a module that the guest did not load.
func (r *Runner) judged(k *kbuild.Kernel, findings []wire.Finding, hello *wire.Hello) []wire.Finding {
	config, known, err := k.ReadConfig()
	if err != nil {
		r.opts.Progress.Line("%v", err)
	}
	var m kconfigcheck.Modules
	if known {
		m.Value, m.Refuses = config.Value, refuses(config)
	}
	if m.InGuest, err = k.ModuleNames(); err != nil {
		r.opts.Progress.Line("%v", err)
	}
	return m.Judge(findings, hello)
}

// refuses says why a kernel loads no module on demand, whatever is in the guest; "" if it does.
func refuses(config kconfigs.Config) string {
	switch {
	case config.Value("STATIC_USERMODEHELPER") == "y" && config.Value("STATIC_USERMODEHELPER_PATH") == `""`:
		return "the kernel starts no program: CONFIG_STATIC_USERMODEHELPER_PATH is empty"
	case config.Value("MODPROBE_PATH") == `""`:
		return "the kernel loads nothing on demand: CONFIG_MODPROBE_PATH is empty"
	}
	return ""
}

// loaders returns the paths, besides /sbin/modprobe, of the program that a kernel starts to load a
// module (kernel/module/kmod.c, kernel/umh.c).
func loaders(config kconfigs.Config) []string {
	paths := map[string]bool{}
	for _, symbol := range []string{"MODPROBE_PATH", "STATIC_USERMODEHELPER_PATH"} {
		if path := strings.Trim(config.Value(symbol), `"`); strings.HasPrefix(path, "/") && path != "/sbin/modprobe" {
			paths[path] = true
		}
	}
	return slices.Sorted(maps.Keys(paths))
}
