package main

import (
	"context"
	"errors"

	"github.com/netstrip/netstrip/kconfigs/progress"
	"github.com/netstrip/netstrip/vmtests/doctor"
	"github.com/spf13/cobra"
)

func (a *app) doctorCommand() *cobra.Command {
	f, retry := &flags{}, false
	c := command("doctor", nil, func(ctx context.Context, _ []string) error {
		a.progress = progress.New(a.stderr)
		checks, err := doctor.Run(ctx, doctor.Options{Cache: f.cache, Source: f.source(), Progress: a.progress, RetryKVM: retry})
		if err != nil {
			return err
		}
		return errors.Join(checks.Table().Write(a.stdout, f.format()), checks.Err())
	})
	f.add(c, "json", "cache", "source")
	c.Flags().BoolVar(&retry, "retry-kvm", false, "try a boot under KVM again even if an earlier one failed")
	return c
}
