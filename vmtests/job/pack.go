package job

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/netstrip/netstrip/initramfs/bundle"
	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/initramfs/wire/duplex"
	"github.com/netstrip/netstrip/kconfigs/arch"
	"github.com/netstrip/netstrip/vmtests/run"
)

// Bounds of a job.
const (
	usualLimit = 5 * time.Minute
	// maxOutput is how many bytes a program may print, maxBack how many bytes of files come back.
	maxOutput = 64 << 20
	maxBack   = 256 << 20
	// maxArgument is the largest file, in bytes, that is taken along because an argument names it.
	maxArgument = 64 << 20
)

// diskPath is the PATH on the disk of the applications.
const diskPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// pack collects what the program needs, and describes it to the guests.
func (o Options) pack(a arch.Arch, several bool) (*run.Job, error) {
	if len(o.Command) == 0 {
		return nil, errors.New("there is no program to run: name one behind --")
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, err
	}
	job := &run.Job{Command: wire.Command{Argv: o.Command, Dir: dir, Env: environment(o.Env)}, Plain: o.Plain}
	if o.Disk {
		job.Env["PATH"] = diskPath
	}
	limit := cmp.Or(o.Limit, usualLimit)
	job.Job = duplex.Job{
		ID: run.JobID(o.Command[0]), UID: os.Getuid(), GID: os.Getgid(), Disk: o.Disk,
		MaxOutput: maxOutput, MaxBack: maxBack,
	}
	p := packing{Options: o, Bundle: bundle.New(a, job.Env["PATH"]), dir: dir}
	if err := p.all(); err != nil {
		return nil, err
	}
	back := returns{out: o.Out, several: several}
	if t, ok := goTest(o.Command, dir); ok {
		if limit = cmp.Or(o.Limit, t.limit); limit == 0 {
			limit = longest
		}
		if err := p.Add(dir); err != nil {
			return nil, err
		}
		for _, path := range t.outputs {
			p.MakeDir(filepath.Dir(path))
		}
		back.places = t.outputs
	}
	if cover := job.Env["GOCOVERDIR"]; filepath.IsAbs(cover) {
		p.MakeDir(cover)
		back.places = append(back.places, cover)
	}
	if several {
		back.places = nil // each kernel would overwrite those of the others
	}
	job.Back = back.places
	if o.Out != "" {
		job.Back = []string{"/"}
	}
	if limit < time.Second || limit > longest {
		return nil, fmt.Errorf("the time limit is %s; want 1s to %s", limit, longest)
	}
	job.Seconds, job.Files = int(limit.Seconds()), p.Bundle
	job.Session = newStreams(o, back, several).session
	return job, nil
}

// longest is the longest time limit.
const longest = 24 * time.Hour

// environment returns an environment as a map; the last of several values counts.
func environment(env []string) map[string]string {
	all := map[string]string{}
	for _, e := range env {
		if name, value, ok := strings.Cut(e, "="); ok && name != "" {
			all[name] = value
		}
	}
	return all
}

// packing fills a bundle.
type packing struct {
	Options
	*bundle.Bundle
	dir string
}

func (p *packing) all() error {
	if p.Root != "" {
		if err := p.AddRoot(p.Root); err != nil {
			return err
		}
	}
	if err := p.program(); err != nil {
		return err
	}
	for _, arg := range p.Command[1:] {
		if _, file, ok := strings.Cut(arg, "="); ok && strings.HasPrefix(arg, "-") {
			arg = file
		}
		if err := p.argument(p.path(arg)); err != nil {
			return err
		}
	}
	if p.Root == "" && !p.Disk {
		p.scripts()
	}
	for _, path := range p.With {
		if err := p.Add(p.path(path)); err != nil {
			return err
		}
	}
	p.MakeDir(p.dir)
	if p.Root == "" && !p.Disk {
		p.accounts()
	}
	return nil
}

func (p *packing) path(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(p.dir, name)
}

// program adds the program, unless the guest's root or disk has it. There it has its libraries and
// interpreters too.
func (p *packing) program() error {
	name := p.Command[0]
	own := p.Root != "" || p.Disk
	if own && (!strings.Contains(name, "/") || p.Has(p.path(name))) {
		return nil
	}
	path, err := p.LookPath(name)
	if err != nil {
		return err
	}
	if own {
		return p.Add(p.path(path))
	}
	return p.Program(p.path(path))
}

// argument adds a regular file that an argument names. It may be a program for the program to
// start.
func (p *packing) argument(path string) error {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() || info.Size() > maxArgument {
		return nil
	}
	for _, kernels := range []string{"/proc/", "/sys/", "/dev/"} {
		if strings.HasPrefix(path, kernels) {
			return nil
		}
	}
	if info.Mode()&0o111 != 0 && p.Root == "" && !p.Disk && p.Program(path) == nil {
		return nil
	}
	return p.Add(path)
}

// accounts adds the files in which programs look up users and hosts.
func (p *packing) accounts() {
	uid, gid, home := strconv.Itoa(os.Getuid()), strconv.Itoa(os.Getgid()), cmp.Or(environment(p.Env)["HOME"], "/")
	passwd, group := "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n", "root:x:0:\nnogroup:x:65534:\n"
	if uid != "0" {
		passwd += "user:x:" + uid + ":" + gid + "::" + home + ":/bin/sh\n"
		group += "user:x:" + gid + ":\n"
	}
	p.Text("/etc/passwd", passwd)
	p.Text("/etc/group", group)
	p.Text("/etc/hosts", "127.0.0.1 localhost\n::1 localhost\n")
	p.Text("/etc/nsswitch.conf", "hosts: files\n")
}
