package console

import (
	"bytes"
	"regexp"
)

// kind is a kind of notable line.
type kind struct {
	// need is text that every such line contains. It is cheap to find, and re is tried only
	// on lines that have it.
	need string
	re   *regexp.Regexp
	// fault: the line reports a fault of the kernel.
	fault bool
	// certain: the line counts only with a time stamp, because any program can print it. anyone:
	// the line counts even if user space printed it.
	certain, anyone bool
}

// prefix matches the name of a subsystem at the beginning of a line (pr_fmt).
const prefix = `(?:[A-Za-z][\w/.-]*(?: [\w/.-]+)?: )?`

// anchored are the kinds of lines that begin with a fixed text, by its first byte; loose
// are those that contain it anywhere.
var anchored, loose = kinds()

func kinds() (map[byte][]kind, []kind) {
	begins := map[byte][]kind{}
	for _, text := range faultBegins {
		begins[text[0]] = append(begins[text[0]], kind{need: text, fault: true})
	}
	for _, k := range noticeBegins {
		begins[k.need[0]] = append(begins[k.need[0]], k)
	}
	return begins, looseKinds
}

// faultBegins are the beginnings of lines that report a fault of the kernel. They are
// printed by die and its callers (arch/*/kernel/traps.c, arch/*/mm/fault.c),
// mm/slub.c and mm/slab.c, lib/ubsan.c, mm/kasan/report.c, fs/super.c, net/core/dev.c,
// mm/kmemleak.c, kernel/sched/core.c, kernel/rcu/tree_stall.h, kernel/cfi.c, kernel/smp.c.
var faultBegins = []string{
	"Oops: ", "Oops[", "Oops [", "Oops - ",
	`Unable to handle kernel `, "Internal error: ",
	"general protection fault: ", "general protection fault, ", "general protection fault[",
	"divide error: ", "invalid opcode: ", "stack segment: ", "double fault: ", "segment not present: ",
	"alignment check: ", "invalid TSS: ", "int3: ", "control protection fault: ", "simd exception: ",
	"PANIC: double fault", "PANIC: early exception", "traps: PANIC: ", "traps: Missing ENDBR: ",
	"kernel stack overflow", "Insufficient stack space to handle exception",
	"Kernel stack overflow", "Thread overran stack", "do_IRQ: stack overflow",
	"Bad mode in ", "SError Interrupt on CPU", "Synchronous External Abort: ", "Unexpected kernel BRK exception",
	"Unhandled kernel unaligned access", "Kernel bug detected", "Break instruction in kernel code",
	"Unhandled fault: ", "Unhandled fault at 0x", "CFI failure at ", "smp: csd: Detected non-responsive CSD lock",
	"Alignment trap: not handling instruction ", `unable to execute userspace code `,
	"Kernel Fault: Code=", "Kernel mode fault at ", "Kernel attempted to ", "kernel tried to execute ",
	"Bad kernel stack pointer", "Machine check in kernel mode", "Unrecoverable exception ",
	"UBSAN: ", "KASAN: null-ptr-deref", "KASAN: maybe wild-memory-access", "KASAN: probably user-memory-access",
	"Slab corruption", "slab error in ", "Bad page state ", "Bad page map ",
	"scheduling while atomic: ", "bad: scheduling from the idle thread", "Debug: sleeping function called from ",
	"Badness at ", "Badness in ", "RCU detected CPU ", "NMI Watchdog detected ",
	"VFS: Busy inodes after unmount of ", "VFS: Close: file count is ", "rust_kernel: panicked at ",
	"unregister_netdevice: waiting for ", "trusty: panic (",
	"list_add corruption", "list_del corruption", "list_add double add", "usercopy: Kernel memory ",
}

// noticeBegins are other lines with a fixed beginning.
var noticeBegins = []kind{
	{need: "BUG ", re: regexp.MustCompile(`^BUG \S+(?: \((?:Not t|T)ainted.*?\))?: \S`), fault: true},      // mm/slub.c:slab_bug
	{need: "CPU ", re: regexp.MustCompile(`^CPU \d+ Unable to handle kernel `), fault: true},               // arch/mips, arch/loongarch
	{need: "Unhandled ", re: regexp.MustCompile(`^Unhandled .{1,40} exception on CPU\d+, `), fault: true},  // arch/arm64/kernel/entry-common.c:195
	{need: "kvm [", re: regexp.MustCompile(`^kvm \[\d+\]: nVHE hyp (?:panic|BUG) at: `), fault: true},      // arch/arm64/kvm/handle_exit.c:543
	{need: "kmemleak: ", re: regexp.MustCompile(`^kmemleak: \d+ new suspected memory leaks`), fault: true}, // mm/kmemleak.c
	{need: "unreferenced object 0x", fault: true, anyone: true},
	{need: "Out of memory"},
	{need: "Memory cgroup out of memory"},
	{need: "traps: "},
	{need: "Initramfs unpacking failed: "},
	// arch/arm64/kernel/smp.c:142, arch/riscv/kernel/smpboot.c:200
	{need: "CPU", re: regexp.MustCompile(`^CPU\d+: (?:failed to (?:come online|start$)|is stuck in kernel|died during early boot)`)},
	{need: `Failed to execute `, re: regexp.MustCompile(`^Failed to execute \S+ \(error `)},
}

// looseKinds are the kinds of lines whose text may follow a prefix.
var looseKinds = []kind{
	{need: "BUG:", re: regexp.MustCompile(`^(?:\[ )?` + prefix + `BUG:(?: |$)`), fault: true},
	{need: "ernel BUG ", re: regexp.MustCompile(`^(?:-+\[ )?` + prefix + `[Kk]ernel BUG (?:at |in |\[)`), fault: true},
	{need: "WARNING: ", re: warning, fault: true},
	{need: "INFO: ", re: info, fault: true},
	{need: " LOCKUP", re: regexp.MustCompile(`^(?:NMI )?[Ww]atchdog.*\bLOCKUP\b`), fault: true},
	{need: "[#", re: regexp.MustCompile(`^(?:` + prefix + `.{1,200}: [0-9a-f]{1,16} (?:ilc:\d )?|Oops(?:[ :].{0,100})?|Kernel (?:BUG|bug detected) ?|Internal error: .{1,200}|.{1,200}, sig: \d+ |.{1,200} in kernel (?:code|mode).{0,60}|[\w/.-]+\(\d+\): .{1,80} )\[#\d+\](?:[ :,]|$)`), fault: true},
	{need: "Oops: ", re: regexp.MustCompile(`^\S+\(\d+\): Oops `), fault: true}, // arch/alpha
	{need: ": ", re: inside, fault: true, certain: true},
	{need: "]: segfault ", re: regexp.MustCompile(`^.{1,64}\[\d+\]: segfault (?:at |\(11\) at )`)},
	// arch/arm64/kernel/traps.c:251, arch/riscv/kernel/traps.c:120
	{need: "]: unhandled ", re: regexp.MustCompile(`^.{1,64}\[\d+\]: unhandled (?:exception: |signal \d+ code |.{1,60} \(\d+\) at 0x)`)},
}

var (
	// warning matches the warnings of WARN, lockdep and the unwinder. Other lines begin with
	// this word too, such as advice on mount options, mitigations and firmware.
	warning = regexp.MustCompile(`^(?:\[ )?` + prefix + `WARNING: (?:` +
		`CPU: ?\d|at (?:\S+:\d+|\S+\+0x|0x)|(?:\[.*\] )?\S+\.(?:[chS]|rs):\d+|.* at \S+\.[chS]:\d+|` +
		`possible (?:circular|recursive|irq|bad bit) |inconsistent lock|suspicious RCU|bad (?:unlock balance|contention)|` +
		`held lock freed|lock held when|Nested lock|(?:HARD|SOFT)IRQ-|.{1,64} still has locks held|` +
		`kernel stack (?:regs|frame pointer) |stack recursion on stack|can't (?:access|dereference) registers at )`)
	// inside matches reports, in wording that only the kernel uses, in the middle of a line:
	// they interrupted an earlier message.
	inside = regexp.MustCompile(`BUG: (?:K[AMC]SAN: |KFENCE: |unable to handle |soft lockup - CPU#|Bad (?:page|rss)|workqueue lockup - |sleeping function called from |spinlock )|` +
		`kernel BUG at \S+:\d+!|WARNING: CPU: \d+ PID: \d+ at |INFO: rcu_\w+ (?:self-)?detected |INFO: task \S{1,40} blocked for more than \d|UBSAN: [a-z-]+ in \S+:\d|Oops: [0-9a-f]{4} \[#\d`)
	// info matches the reports that are marked INFO: RCU stalls, hung tasks, and lockdep
	// before 4.11.
	info = regexp.MustCompile(`^(?:\[ )?` + prefix + `INFO: (?:` +
		`rcu_|task .* (?:blocked |can't die )|trying to register non-static key|` +
		`(?:Allocated|Freed) in |(?:Slab|Object) 0x|` +
		`possible (?:circular|recursive|irq) |suspicious RCU|inconsistent lock|(?:HARD|SOFT)IRQ-)`)
)

// find returns the kind of a line.
func find(l line) (kind, bool) {
	for _, k := range anchored[l.text[0]] {
		if bytes.HasPrefix(l.text, []byte(k.need)) && k.fits(l) {
			return k, true
		}
	}
	if !telling(l.text) {
		return kind{}, false
	}
	for _, k := range loose {
		if bytes.Contains(l.text, []byte(k.need)) && k.fits(l) {
			return k, true
		}
	}
	return kind{}, false
}

func (k kind) fits(l line) bool {
	return (l.kernel || !k.certain) && (k.re == nil || k.re.Match(l.text[:min(len(l.text), maxText)]))
}

// marks are texts of which every line of a loose kind contains one, and marked their first
// bytes. Some are only the end of a word, because its first byte is rarer.
var (
	marked = [256]bool{'B': true, 'N': true, 'F': true, 'L': true, '[': true, 'O': true}
	marks  = [][]byte{[]byte("BUG"), []byte("NING: "), []byte("FO: "), []byte("LOCKUP"), []byte("[#"), []byte("Oops")}
)

// telling reports whether a line may be of a loose kind. It only saves time.
func telling(text []byte) bool {
	for i, c := range text {
		if !marked[c] {
			continue
		}
		for _, m := range marks {
			if m[0] == c && bytes.HasPrefix(text[i:], m) {
				return true
			}
		}
	}
	return bytes.Contains(text, []byte("]: segfault ")) || bytes.Contains(text, []byte("]: unhandled "))
}
