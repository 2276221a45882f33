// Package kconfigs decides which symbols make a kernel. It runs on the host and starts
// no process: package kbuild builds kernels from its requests.
//
// A fragment is a few lines of .config with a reason for each block. A profile is a named
// list of fragments, which are merged into a request. Kconfig silently drops symbols whose
// dependencies are missing and enables symbols that others select, so a request is compared
// line by line with the final .config of the kernel. Every fault of a fragment or a request
// is a RequestError, which lists all problems with file and line.
package kconfigs

import (
	"cmp"
	"embed"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/netstrip/netstrip/kconfigs/arch"
	"github.com/netstrip/netstrip/kconfigs/file"
	"github.com/netstrip/netstrip/kconfigs/packed"
	"github.com/netstrip/netstrip/kconfigs/ref"
	"github.com/netstrip/netstrip/kconfigs/rename"
)

//go:embed *.config
var embedded embed.FS

// guest is the fragment that no other fragment may contradict.
const guest = "guest"

// Profile is a named kernel. The zero value sets no symbol.
type Profile struct {
	// Name is a name that ref.Parse understands: "no-inet".
	Name string
	// Hypothesis states in one line what to expect of it.
	Hypothesis string
	// Arch is the name of the only architecture that it can be built for; empty means any.
	Arch string
	// Prebuilt, if set, is a kernel that was compiled elsewhere; Start and Fragments are then
	// empty.
	Prebuilt *Prebuilt
	// Start is the config to which the fragments are added.
	Start Start
	// Fragments are the names of embedded fragments, without ".config".
	Fragments []string
	// Args are added to the kernel's command line at each boot. Profiles that differ only
	// in their arguments share a kernel.
	Args []string
	// Override lets added fragments replace settings of the profile's own fragments, except
	// protected ones.
	Override bool

	added   []Fragment
	remarks []string // about how the user's files were read
}

// Start is where a config begins. The zero value is allnoconfig: everything is off.
type Start struct {
	// Name is tinyconfig or defconfig, which are targets of the kernel's makefiles, or the
	// file that Text was read from.
	Name string
	// Text is a user's .config.
	Text string
	// ObjectTree names the object tree in which the kernel is built, together with similar
	// kernels. Empty means one tree for all kernels with this Name (allnoconfig if that is
	// empty), and one for all kernels with a Text.
	ObjectTree string
}

// Prebuilt is a kernel that netstrip does not compile.
type Prebuilt struct {
	// Distro selects the kernel package of the distribution's cloud images.
	Distro bool
	// Image is otherwise the kernel's file, a bzImage or a vmlinux with CONFIG_PVH. Modules is
	// its directory of modules, laid out as /lib/modules; empty means that it has none.
	Image, Modules string
}

// ReadConfig reads a user's own .config as a profile.
func ReadConfig(file string) (Profile, error) {
	data, err := packed.ReadFile(file, maxConfig)
	if err != nil {
		e := &RequestError{}
		e.add(file, 0, "", "reading the config: %v", err)
		return Profile{}, e
	}
	return UserConfig(file, data)
}

// UserConfig returns a profile for a user's .config. Values that the guest needs take precedence
// over those in the .config.
func UserConfig(file string, data []byte) (Profile, error) {
	a, err := archOf(file, data)
	if err != nil {
		return Profile{}, err
	}
	data, remarks := tidied(file, data)
	if _, err := ParseConfig(data); err != nil {
		e := &RequestError{}
		e.add(file, 0, "", "%v", err)
		return Profile{}, e
	}
	return Profile{
		Name: "config-" + ref.Plain(file), Hypothesis: "a user's config",
		Arch: a.Name, Start: Start{Name: file, Text: string(data)}, Fragments: []string{guest}, remarks: remarks,
	}, nil
}

// imageArch returns the name of the architecture that a kernel image is for; empty if it is not
// known or the file cannot be read, which the build reports.
func imageArch(path string) string {
	f, err := file.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	head := make([]byte, packed.HeadBytes)
	_, _ = io.ReadFull(f, head)
	a, _, _ := packed.ParseImage(head)
	return a.Name
}

// UserKernel returns a profile for a user's kernel. Modules is the directory of its modules,
// or empty.
func UserKernel(image, modules string) Profile {
	return Profile{
		Name: "kernel-" + ref.Plain(image), Hypothesis: "a user's kernel", Arch: imageArch(image),
		Prebuilt: &Prebuilt{Image: image, Modules: modules},
	}
}

// Lookup returns the profile called name.
func Lookup(name string) (Profile, error) {
	var names []string
	all := Profiles()
	if r := ref.Parse(name); r.Apps && r.Added == nil {
		all = Apps()
	}
	for _, p := range all {
		if p.Name == name {
			return p, nil
		}
		names = append(names, p.Name)
	}
	e := &RequestError{}
	if r := ref.Parse(name); slices.Contains(names, r.Profile()) && r.Init == "" {
		flags := ""
		if r.Series != "" {
			flags += " --series " + r.Series
		}
		if r.Arch != "" {
			flags += " --arch " + r.Arch
		}
		e.add("", 0, "", "no such profile: %q: want %s and%s", name, r.Profile(), flags)
		return Profile{}, e
	}
	e.add("", 0, "", "no such profile: %q%s; the profiles are %s",
		name, rename.Near(name, names), strings.Join(names, ", "))
	return Profile{}, e
}

// With returns p with a user's fragments added. The names of their files become part of the
// profile's name: "full" with mine.config is "full+mine".
func (p Profile) With(frags ...Fragment) Profile {
	p.added = append(slices.Clone(p.added), frags...)
	name := ref.Ref{Base: p.Name}
	for _, f := range frags {
		p.Arch = cmp.Or(p.Arch, f.Arch)
		name.Added = append(name.Added, ref.Plain(f.Name))
	}
	p.Name = name.String()
	return p
}

// Added returns the fragments that With added, in their order.
func (p Profile) Added() []Fragment { return slices.Clone(p.added) }

// Request merges p's fragments. The error lists all of their problems.
func (p Profile) Request() (Request, error) {
	e := &RequestError{}
	if p.Prebuilt != nil {
		for _, f := range p.added {
			e.add(f.Name, 0, "", "%s was compiled elsewhere: no fragment can change it", p.Name)
		}
		return Request{Profile: p.Name, Arch: p.Arch, Prebuilt: p.Prebuilt}, e.orNil()
	}
	var frags []Fragment
	for _, name := range p.Fragments {
		f, err := readEmbedded(name)
		e.join(err)
		frags = append(frags, f)
		if name == guest {
			own, err := ownNeeds()
			e.join(err)
			frags = append(frags, own...)
		}
	}
	r := compose(p, frags, e)
	if err := e.orNil(); err != nil {
		return Request{}, err
	}
	return r, nil
}

// Protected returns, sorted, the symbols that no profile, fragment or search may change in a kernel
// whose Kconfig files define the known symbols: the guest needs them to run and to send its events.
func Protected(known func(symbol string) bool) []string {
	f, err := readEmbedded(guest)
	own, owerr := ownNeeds()
	if err := errors.Join(err, owerr); err != nil {
		panic(err) // the files are part of the program, and a test reads them
	}
	var names []string
	for _, f := range append(own, f) {
		for _, s := range f.Settings {
			if s.applies(known) {
				names = append(names, s.named(known).Symbol)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// ownNeeds returns what guests of each architecture need in addition: settings that apply where
// its symbol exists.
func ownNeeds() (frags []Fragment, err error) {
	for _, a := range arch.All() {
		f, ferr := readEmbedded(a.Name)
		err = errors.Join(err, ferr)
		for i := range f.Settings {
			f.Settings[i].If = strings.TrimSpace(a.Symbol + " " + f.Settings[i].If)
		}
		frags = append(frags, f)
	}
	return frags, err
}

func readEmbedded(name string) (Fragment, error) {
	file := name + ".config"
	data, err := embedded.ReadFile(file)
	if err != nil {
		e := &RequestError{}
		e.add("", 0, "", "no such fragment: %q", name)
		return Fragment{}, e
	}
	return ParseFragment(file, data)
}
