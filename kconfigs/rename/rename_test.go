package rename

import (
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestOther(t *testing.T) {
	known := map[string]bool{}
	for _, name := range []string{
		"MITIGATION_RETPOLINE", "MITIGATION_PAGE_TABLE_ISOLATION", "CPU_MITIGATIONS", "NF_NAT", "NF_DUP_IPV4", "NF_LOG_IPV4",
		"NF_NAT_IRC", "CRYPTO_MANAGER_DISABLE_TESTS", "CRYPTO_MANAGER_EXTRA_TESTS", "CRC32_SELFTEST", "CRYPTO_SERPENT", "CRYPTO_TEST", "MEMCG",
		"SLUB_TINY", "PACKET", "NET", "NTB", "HTE", "NET_NS", "UNIX", "INET", "WIREGUARD", "IPV6", "NET_SCH_CBS", "BRIDGE_EBT_LOG",
		"SECURITY_SELINUX", "VETH", "VXLAN", "MACVLAN", "IPVLAN", "ATH9K", "USB_EHCI_HCD", "NETFILTER", "SYSCTL", "PROC_SYSCTL", "NET_SCH_FQ", "NET_QUEUE", "BLK_QUOTAS", "NET_QUOTA_X",
		"FRAME_POINTER", "ARCH_WANT_FRAME_POINTERS", "FUTEX", "CGROUPS", "SHMEM",
	} {
		known[name] = true
	}
	for name, want := range map[string]string{
		"RETPOLINE":               "; it is called MITIGATION_RETPOLINE since Linux 6.9",
		"PAGE_TABLE_ISOLATION":    "; it is called MITIGATION_PAGE_TABLE_ISOLATION since Linux 6.9",
		"SPECULATION_MITIGATIONS": "; it is called CPU_MITIGATIONS since Linux 6.9",
		"NF_NAT_IPV4":             "; it is a part of NF_NAT since Linux 5.1",
		"CRYPTO_SELFTESTS":        "; it came with Linux 6.16; here CRYPTO_MANAGER_DISABLE_TESTS is its opposite",
		"CRYPTO_SELFTESTS_FULL":   "; it came with Linux 6.16; here it is called CRYPTO_MANAGER_EXTRA_TESTS",
		"IP_NF_TARGET_CLUSTERIP":  "; Linux 6.3 removed it",
		"IRDA":                    "; it was removed from Linux",
		"SLOB":                    "; SLUB_TINY is in its place since Linux 6.4",
		"CGROUP_MEM_RES_CTLR":     "; it is called MEMCG",
		"PREEMPT_LAZY":            "; it came with Linux 6.13",
		"NET_SCH_CBQ":             "; Linux 6.3 removed it", // CBS is similar, but unrelated
		"BRIDGE_EBT_ULOG":         "",                       // LOG is near, and NFLOG is not in this kernel
		// Misspellings.
		"PACKETT": "; did you mean PACKET?", "NETT": "; did you mean NET?", "NTE": "; did you mean NET?", "UNXI": "; did you mean UNIX?",
		"WIREGAURD": "; did you mean WIREGUARD?", "NETNS": "; did you mean NET_NS?", "IP_V6": "; did you mean IPV6?",
		"SELINUX":        "; did you mean SECURITY_SELINUX?",
		"FRAME_POINTERS": "; did you mean FRAME_POINTER?", // not one that ends like it
		"FUTEXES":        "; did you mean FUTEX?", "CGROUP": "; did you mean CGROUPS?", "NET_QUEUES": "; did you mean NET_QUEUE?",
		"MEMCG_KMEM": "; it is a part of MEMCG since Linux 6.11", "ASHMEM": "; Linux 5.18 removed it", // SHMEM is unrelated
		// Similar, but unrelated: no hint.
		"NF_NAT_IPV8": "", "NF_NAT_IRX": "", "ATH5K": "", "USB_UHCI_HCD": "", "NET_SCH_FIFO": "", "VLAN": "", "NET_SCH_ETF": "", "NETWORKS": "",
		"NO_SUCH_SYMBOL_AT_ALL": "", "NET_QUOTAS": "",
	} {
		assert.Equal(t, want, Other(name, known, nil), name)
	}
}

func TestRenames(t *testing.T) {
	series := regexp.MustCompile(`^(Linux [3-7]\.\d+)?$`)
	seen := map[string]bool{}
	for _, r := range readRenames() {
		assert.False(t, r.old != "-" && seen[r.old], "%s stands twice", r.old)
		seen[r.old] = true
		assert.Regexp(t, series, r.since, r.old)
		assert.Contains(t, []string{"renamed", "merged", "replaced", "removed", "inverted", "added"}, r.kind, r.old)
		assert.Equal(t, r.kind == "removed", r.new == "", r.old)
		assert.Equal(t, r.kind == "added", r.old == "-", r.new)
	}
	assert.Greater(t, len(seen), 150)
}

func TestHere(t *testing.T) {
	known := map[string]bool{"MITIGATION_RETPOLINE": true, "NF_NAT": true, "CRYPTO_MANAGER_DISABLE_TESTS": true, "SLUB_TINY": true}
	for name, want := range map[string]string{
		"RETPOLINE": "MITIGATION_RETPOLINE", "NF_NAT_IPV6": "NF_NAT", "CRYPTO_SELFTESTS": "", "SLOB": "", "NO_SUCH": "",
	} {
		assert.Equal(t, want, Here(name, known), name)
	}
}

func TestDistance(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want int
	}{{"net", "net", 0}, {"net", "ent", 1}, {"net", "nets", 1}, {"", "net", 3}, {"unix", "inet", 3}, {"kitten", "sitting", 3}} {
		assert.Equal(t, tt.want, distance(tt.a, tt.b, 9), tt)
		assert.Equal(t, tt.want, distance(tt.b, tt.a, 9), tt)
	}
}
