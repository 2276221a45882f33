package explanation

import (
	"context"
	"slices"

	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/kconfigs"
	"github.com/netstrip/netstrip/kconfigs/explain"
	"github.com/netstrip/netstrip/kconfigs/kbuild"
	"github.com/netstrip/netstrip/kconfigs/kconf"
	"github.com/netstrip/netstrip/kconfigs/usage"
	"github.com/netstrip/netstrip/vmtests/kconfigcheck"
)

// question is what to explain, apart from the kernel.
type question struct {
	Options
	args     []string // symbols, perhaps with values
	symptoms []kconfigcheck.Symptom
	against  kconfigs.Request
}

// question checks the options that concern no kernel.
func (o Options) question() (q question, err error) {
	q.Options = o
	if q.args, q.symptoms, err = kconfigcheck.Resolve(o.Args, o.Expected); err != nil || o.Against == "" {
		return q, err
	}
	p, err := kconfigs.Lookup(o.Against)
	if err == nil {
		q.against, err = p.Request()
	}
	if err == nil && q.against.Prebuilt != nil {
		err = usage.Errorf("--against %s: the symbols of a prebuilt kernel are unknown", o.Against)
	}
	return q, err
}

// explain explains each symbol for one kernel.
func (q question) explain(ctx context.Context, b *kbuild.Builder) (List, error) {
	s, err := q.open(ctx, b)
	if err != nil {
		return nil, err
	}
	defer s.close()
	names, values, err := s.state.Resolve(q.args)
	if err != nil {
		return nil, err
	}
	all := make(List, len(names))
	for i, name := range names {
		if all[i], err = s.explain(ctx, name, values[i]); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// session answers a question for one kernel.
type session struct {
	question
	builder *kbuild.Builder
	kconfig *kconf.Kconfig
	// state has the symbols, with their values if there is a .config, which is called config.
	state    *explain.ConfigState
	config   string
	findings []wire.Finding // expected of the profile to compare with
}

// open reads the kernel's Kconfig files. The caller closes the session.
func (q question) open(ctx context.Context, b *kbuild.Builder) (s *session, err error) {
	s = &session{question: q, builder: b}
	if q.Against != "" {
		if s.findings, err = q.Expected(b.Source.Series(), q.Against); err != nil {
			return nil, usage.Errorf("--against %s: %w", q.Against, err)
		}
	}
	if s.kconfig, err = b.Kconf(ctx); err != nil {
		return nil, err
	}
	if q.Request != nil {
		s.state, err = b.ConfigState(ctx, s.kconfig, *q.Request)
		s.config = q.Request.Profile
	} else {
		var tree *explain.Tree
		tree, err = b.Symbols(s.kconfig)
		s.state = &explain.ConfigState{Tree: tree}
	}
	if err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *session) close() { s.kconfig.Close() }

// explain explains a symbol that the kernel has. A value is one to ask about.
func (s *session) explain(ctx context.Context, name, value string) (e Explanation, err error) {
	e.Explanation = s.state.Explain(s.config, name)
	for _, symptom := range s.symptoms {
		if slices.Contains(symptom.Symbols, name) {
			e.Symptoms = append(e.Symptoms, symptom)
		}
	}
	if s.Against != "" {
		if e.Against, err = s.compare(ctx, e.Without.Gone); err != nil {
			return e, err
		}
	}
	switch {
	case s.Request != nil:
		s.builder.Progress.State("finding what %s needs", name)
		if err := e.Seek(s.state, value); err != nil {
			return e, err
		}
	case value != "":
		return e, usage.Errorf("%s=%s: a value needs a kernel: name one with --profile or --config", name, value)
	}
	if !s.Check {
		return e, nil
	}
	s.builder.Progress.State("checking %s", name)
	check, err := s.state.Check(ctx, name, func(ctx context.Context, text []byte) (map[string]kconf.Value, error) {
		return s.kconfig.Values(ctx, kconf.AllYes, text)
	})
	e.Explanation.Check = &check
	return e, err
}

// compare compares the probes of a profile with the symbols of its kernel, which need not be
// built. gone are the symbols that go off with the one in question.
func (s *session) compare(ctx context.Context, gone []string) (*kconfigcheck.Comparison, error) {
	w, err := s.builder.ConfigState(ctx, s.kconfig, s.against)
	if err != nil {
		return nil, err
	}
	c, err := kconfigcheck.Compare(gone, func(symbol string) bool { return w.Values[symbol].Value == "y" }, s.findings)
	c.Profile, c.Series = s.against.Profile, s.builder.Source.Series()
	return &c, err
}
