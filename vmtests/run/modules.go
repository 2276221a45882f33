package run

import (
	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/kconfigs/kbuild"
	"github.com/netstrip/netstrip/vmtests/kconfigcheck"
)

// doubted returns the findings, inconclusive where the feature may be in a module that the guest
// did not load. It needs the kernel's .config.
func (r *Runner) doubted(k *kbuild.Kernel, findings []wire.Finding) []wire.Finding {
	config, ok, err := k.ReadConfig()
	if err != nil {
		r.opts.Progress.Line("%v", err)
	}
	if !ok {
		return findings
	}
	return kconfigcheck.Doubt(findings, config.Value, k.Modules != "")
}
