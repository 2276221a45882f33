package run

import (
	"slices"
	"strings"

	"github.com/netstrip/netstrip/kconfigs/usage"
)

// refused are the kernel arguments without which a boot cannot be watched, and what each is for. A
// name that ends with a dot stands for all that begin so.
var refused = []struct{ name, why string }{
	{"init", "it names the program that the kernel starts; --init does that"},
	{"rdinit", "it names the program that the kernel starts; --init does that"},
	{"initrd", "the guest's files are in the initramfs"},
	{"noinitrd", "the guest's files are in the initramfs"},
	{"root", "the guest's root is the initramfs"},
	{"console", "the outcome is read from the console"},
	{"quiet", "the outcome is read from the console, which it silences"},
	{"loglevel", "the outcome is read from the console, which it can silence"},
	{"panic", "a kernel that panics must reset the machine, which ends the boot"},
	{"reboot", "the guest's reboot ends the boot"},
	{"netstrip.", "netstrip itself talks to the guest with it"},
	{"single", "it is for another init"},
	{"--", "what follows is for the init"},
}

// checkAppend refuses kernel arguments that a boot does not survive, or that the kernel would not
// read as they were meant.
func checkAppend(args string) error {
	if strings.ContainsAny(args, "\n\r\x00") || strings.Count(args, `"`)%2 != 0 {
		return usage.Errorf("--append %q: want arguments on one line, with pairs of quotation marks", args)
	}
	for _, arg := range strings.Fields(args) {
		name, _, _ := strings.Cut(arg, "=")
		// The kernel takes - for _ (parameq, kernel/params.c:81).
		name = strings.ReplaceAll(name, "-", "_")
		i := slices.IndexFunc(refused, func(r struct{ name, why string }) bool {
			r.name = strings.ReplaceAll(r.name, "-", "_")
			return name == r.name || strings.HasSuffix(r.name, ".") && strings.HasPrefix(name, r.name)
		})
		if i >= 0 {
			return usage.Errorf("--append %s is refused: %s", arg, refused[i].why)
		}
	}
	return nil
}
