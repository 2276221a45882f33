// Package kconfigs says which symbols make a kernel. It runs on the host and starts
// nothing: package kbuild turns what it says into kernels.
//
// A fragment is a few lines of .config with the reason for every block of them. A
// profile is a named list of fragments, and composes to a request. Kconfig drops
// without a word what it cannot give and switches on what something else selects,
// so a request is compared, line by line, with the final .config of the kernel.
// Everything wrong with fragments and requests is a RequestError, which names file
// and line and lists all there is to mend.
package kconfigs

import (
	"embed"
	"slices"
	"strings"

	"github.com/netstrip/netstrip/kconfigs/packed"
	"github.com/netstrip/netstrip/kconfigs/ref"
	"github.com/netstrip/netstrip/kconfigs/rename"
)

//go:embed *.config
var embedded embed.FS

// guest is the fragment that no other may contradict.
const guest = "guest"

// Profile is a named kernel. The zero value is a kernel of which nothing is asked.
type Profile struct {
	// Name is what people call it: "no-inet".
	Name string
	// Hypothesis says in one line what is expected of it.
	Hypothesis string
	// Prebuilt, if set, is all there is: a kernel that somebody else compiled.
	Prebuilt *Prebuilt
	// Start is what the fragments are put on top of.
	Start Start
	// Fragments are the names of embedded fragments, without ".config".
	Fragments []string
	// Args are added to the kernel's command line at each boot. They change nothing about
	// the kernel: two profiles that differ in them alone share one.
	Args []string
	// Override says that the fragments added win over the profile's own where they differ,
	// but for what is protected.
	Override bool

	added   []Fragment
	remarks []string // of how the user's files were read
}

// Start is where a config begins. The zero value has everything off, as allnoconfig.
type Start struct {
	// Name is tinyconfig or defconfig, as the kernel's makefiles mean them, or the file
	// that Text came from.
	Name string
	// Text is the .config of a user's.
	Text string
	// Beside names the kernels that this one has much in common with, to be built in the
	// object tree of those: tinyconfig, defconfig, or allnoconfig for the zero Start, or a
	// name of their own. Empty means that of Name, or of all kernels with a Text.
	Beside string
}

// Prebuilt is a kernel that netstrip does not compile.
type Prebuilt struct {
	// Distro says that it is the kernel of the distribution's own cloud images, as its
	// package has it.
	Distro bool
	// Image is otherwise the file, a bzImage or a vmlinux with CONFIG_PVH, and Modules the
	// directory of its modules, as /lib/modules has it; empty means that it has none.
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

// UserConfig returns a profile for a .config of the user's. What the guest needs otherwise
// than it has it, it gets.
func UserConfig(file string, data []byte) (Profile, error) {
	if err := foreign(file, data); err != nil {
		return Profile{}, err
	}
	data, remarks := tidied(file, data)
	if _, err := ParseConfig(data); err != nil {
		e := &RequestError{}
		e.add(file, 0, "", "%v", err)
		return Profile{}, e
	}
	return Profile{
		Name: "config-" + ref.Plain(file), Hypothesis: "a config of the user's",
		Start: Start{Name: file, Text: string(data)}, Fragments: []string{guest}, remarks: remarks,
	}, nil
}

// UserKernel returns a profile for a kernel of the user's, with the directory of its
// modules or "".
func UserKernel(image, modules string) Profile {
	return Profile{
		Name: "kernel-" + ref.Plain(image), Hypothesis: "a kernel of the user's",
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
	e.add("", 0, "", "no profile is called %q%s; the profiles are %s",
		name, rename.Near(name, names), strings.Join(names, ", "))
	return Profile{}, e
}

// With returns p plus a user's fragments, whose file names join the profile's: "full"
// with mine.config is "full+mine".
func (p Profile) With(frags ...Fragment) Profile {
	p.added = append(slices.Clone(p.added), frags...)
	name := ref.Ref{Base: p.Name}
	for _, f := range frags {
		name.Added = append(name.Added, ref.Plain(f.Name))
	}
	p.Name = name.String()
	return p
}

// Added returns the fragments that With added, in their order.
func (p Profile) Added() []Fragment { return slices.Clone(p.added) }

// Request composes p's fragments. All that is wrong with them is reported at once.
func (p Profile) Request() (Request, error) {
	e := &RequestError{}
	if p.Prebuilt != nil {
		for _, f := range p.added {
			e.add(f.Name, 0, "", "%s was compiled by somebody else: no fragment can change it", p.Name)
		}
		return Request{Profile: p.Name, Prebuilt: p.Prebuilt}, e.orNil()
	}
	var frags []Fragment
	for _, name := range p.Fragments {
		f, err := readEmbedded(name)
		e.join(err)
		frags = append(frags, f)
	}
	r := compose(p, frags, e)
	if err := e.orNil(); err != nil {
		return Request{}, err
	}
	return r, nil
}

// Protected returns the symbols, sorted, that no profile, fragment or search may set
// otherwise: without them the guest cannot run, or cannot be heard.
func Protected() []string {
	f, err := readEmbedded(guest)
	if err != nil {
		panic(err) // the file is part of the program, and a test reads it
	}
	var names []string
	for _, s := range f.Settings {
		names = append(names, s.Symbol)
	}
	slices.Sort(names)
	return names
}

func readEmbedded(name string) (Fragment, error) {
	file := name + ".config"
	data, err := embedded.ReadFile(file)
	if err != nil {
		e := &RequestError{}
		e.add("", 0, "", "no fragment is called %q", name)
		return Fragment{}, e
	}
	return ParseFragment(file, data)
}
