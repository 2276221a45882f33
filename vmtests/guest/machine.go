package guest

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/netstrip/netstrip/initramfs/wire"
	"github.com/netstrip/netstrip/initramfs/wire/duplex"
	"github.com/netstrip/netstrip/kconfigs/arch"
	"github.com/netstrip/netstrip/kconfigs/process"
	"github.com/netstrip/netstrip/vmtests/accel"
)

// wiring connects a machine's channels and files to the host: to descriptors for a boot, to files
// for the command line to paste.
type wiring struct {
	console, events, fallback string   // chardev backends, without the id
	session                   string   // the same, or empty
	kernel, initrd, disk      string   // paths
	passed                    []string // arguments that hand over descriptors
}

// fdWiring connects to inherited descriptors; files are those of kernel, initramfs and disk, 0 for
// no disk. QEMU then opens no paths, so it can run as a user who may not.
func fdWiring(console, events, fallback, monitor int, files [3]int) wiring {
	// QEMU cannot open a pipe by a path, but it can as a set of descriptors.
	pipe := func(set int) string { return fmt.Sprintf("file,path=/dev/fdset/%d,append=on", set) }
	proc := func(fd int) string { return fmt.Sprintf("/proc/self/fd/%d", fd) }
	w := wiring{
		console: pipe(1), events: fmt.Sprintf("socket,fd=%d", events), fallback: pipe(2), kernel: proc(files[0]), initrd: proc(files[1]),
		passed: []string{
			"-add-fd", fmt.Sprintf("fd=%d,set=1", console), "-add-fd", fmt.Sprintf("fd=%d,set=2", fallback),
			"-chardev", fmt.Sprintf("socket,fd=%d,id=monitor", monitor), "-mon", "chardev=monitor,mode=control",
		},
	}
	if files[2] != 0 {
		w.disk = "/dev/fdset/3"
		w.passed = append(w.passed, "-add-fd", fmt.Sprintf("fd=%d,set=3", files[2]))
	}
	return w
}

// pasteWiring shows the console on the terminal and writes the events to a file.
func pasteWiring(kernel, initrd, disk string) wiring {
	return wiring{console: "stdio", events: "file,path=events.jsonl", fallback: "null", session: "null", kernel: kernel, initrd: initrd, disk: disk}
}

// Command returns the boot as a line to paste into a shell.
func (g Guest) Command() string {
	args := append([]string{g.arch().QEMU}, sandbox()...)
	return process.Quote(append(args, g.args(pasteWiring(g.Kernel, g.Image, g.Disk))...)...)
}

// args returns QEMU's arguments. The reasons for those that are not obvious, besides those of the
// architectures (arch.All):
//   - A hub inside QEMU connects the two network cards with each other and with nothing else, so
//     the guest cannot reach any network.
//   - -no-reboot ends QEMU when the kernel panics (panic=-1) and when the guest is done, which
//     reboots: on x86 a power-off needs ACPI and would hang.
//   - nbd.nbds_max=1: every boot creates one network block device instead of sixteen.
func (g Guest) args(w wiring) []string {
	return slices.Concat(w.passed, g.diskArgs(w.disk), g.arch().Machine, g.cpu(), g.serial(w), []string{
		"-accel", g.Accel, "-m", fmt.Sprint(g.MemoryMiB), "-smp", fmt.Sprint(g.Processors()),
		"-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
		"-netdev", "hubport,id=left,hubid=0", "-device", "virtio-net-pci,netdev=left,romfile=",
		"-netdev", "hubport,id=right,hubid=0", "-device", "virtio-net-pci,netdev=right,romfile=",
		"-chardev", chardev(w.events, "events"), "-device", "virtio-serial",
		"-device", "virtserialport,chardev=events,name=" + wire.Port,
	}, g.session(w), []string{
		"-kernel", w.kernel, "-initrd", w.initrd,
		"-append", g.commandLine(),
	})
}

// cpu returns QEMU's arguments for the processor.
func (g Guest) cpu() []string {
	switch model := g.arch().CPU; {
	case model == "":
		return nil
	case g.Accel == accel.KVM:
		return []string{"-cpu", "host"}
	default:
		return []string{"-cpu", model}
	}
}

// serial returns QEMU's arguments for the console and the second event channel.
func (g Guest) serial(w wiring) []string {
	args := []string{"-chardev", chardev(w.console, "console"), "-serial", "chardev:console", "-chardev", chardev(w.fallback, "fallback")}
	if device := g.arch().FallbackDevice; device != "" {
		return append(args, "-device", device+",chardev=fallback")
	}
	return append(args, "-serial", "chardev:fallback")
}

// session returns QEMU's arguments for the port of a session.
func (g Guest) session(w wiring) []string {
	if g.Session == nil {
		return nil
	}
	return []string{"-chardev", chardev(w.session, "session"), "-device", "virtserialport,chardev=session,name=" + duplex.Port}
}

// arch is the guest's architecture.
func (g Guest) arch() arch.Arch {
	if g.Arch.Name == "" {
		return arch.Default()
	}
	return g.Arch
}

// commandLine returns the kernel's command line.
func (g Guest) commandLine() string {
	a := g.arch()
	own := slices.Concat([]string{"console=" + a.Console, "panic=-1"}, a.Args, []string{"nbd.nbds_max=1"})
	if g.Session != nil {
		own = append(own, duplex.Param+"="+duplex.On)
	}
	if a.Fallback != wire.FallbackTTY {
		own = append(own, wire.ParamFallback+"="+a.Fallback)
	}
	return strings.Join(append(own, g.KernelArgs...), " ")
}

// diskArgs returns QEMU's arguments for a disk at path. It is not locked: several guests read it
// at the same time, and QEMU may run as nobody, which may not lock it.
func (g Guest) diskArgs(path string) []string {
	if g.Disk == "" {
		return nil
	}
	return []string{
		"-blockdev", "driver=file,node-name=disk,filename=" + strings.ReplaceAll(path, ",", ",,") + ",read-only=on,locking=off",
		"-device", "virtio-blk-pci,drive=disk", "-object", "rng-builtin,id=rng", "-device", "virtio-rng-pci,rng=rng",
	}
}

// Processors returns how many processors the guest has.
func (g Guest) Processors() int {
	if g.Disk == "" {
		return 1
	}
	return 2
}

// sandbox confines QEMU with seccomp: no new privileges, processes or limits.
func sandbox() []string {
	return []string{"-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"}
}

func chardev(backend, id string) string {
	kind, rest, _ := strings.Cut(backend, ",")
	if rest != "" {
		rest = "," + rest
	}
	return kind + ",id=" + id + rest
}

// nobody is the ID of the user and group without rights (Debian's nobody and nogroup).
const nobody = 65534

// confine returns the command that starts QEMU. setpriv(1) makes the kernel kill QEMU when
// netstrip dies, drops all capabilities, and changes root to nobody. The death signal must be set
// after the change of user, which clears it (kernel/cred.c:413); setpriv uses that order. Under
// KVM root stays root without capabilities, since /dev/kvm may be for root alone.
//
// In case netstrip dies before that signal is set, the shell starts QEMU only if netstrip is still
// its parent.
//
// setsid(1) makes the shell, and so QEMU, the leader of a process group. The shell writes the ID of
// process and group to the descriptor id, and redirects QEMU's output to the descriptor output.
func confine(accel string, id, output int) []string {
	args := []string{"setsid", "setpriv", "--pdeathsig", "KILL", "--no-new-privs"}
	if os.Geteuid() == 0 {
		args = append(args, "--inh-caps=-all", "--bounding-set=-all")
		if accel != "kvm" {
			id := fmt.Sprint(nobody)
			args = append(args, "--reuid", id, "--regid", id, "--clear-groups")
		}
	}
	script := fmt.Sprintf(`test "$PPID" = "$0" && echo $$ >&%d && exec "$@" </dev/null >&%[2]d 2>&1 %[1]d>&- %[2]d>&-`, id, output)
	return append(args, "sh", "-c", script, fmt.Sprint(os.Getpid()))
}
