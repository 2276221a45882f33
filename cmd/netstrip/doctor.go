package main

import (
	"context"
	"fmt"

	"github.com/netstrip/netstrip/kconfigs/progress"
	"github.com/netstrip/netstrip/vmtests/doctor"
	"github.com/spf13/cobra"
)

func (a *app) doctorCommand() *cobra.Command {
	f, retry := &flags{}, false
	c := &cobra.Command{
		Use:  "doctor",
		RunE: func(c *cobra.Command, _ []string) error { return a.doctor(c.Context(), f, retry) },
	}
	f.add(c, "json", "cache", "source")
	c.Flags().BoolVar(&retry, "retry-kvm", false, "try a boot under KVM again even if an earlier one failed")
	return c
}

func (a *app) doctor(ctx context.Context, f *flags, retry bool) error {
	a.progress = progress.New(a.stderr)
	checks, err := doctor.Run(ctx, doctor.Options{Cache: f.cache, Source: f.source(), Progress: a.progress, RetryKVM: retry})
	if err != nil {
		return err
	}
	if err := checks.Table().Write(a.stdout, f.format()); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	return checks.Err()
}
