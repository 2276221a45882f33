//go:build linux

package trace

import (
	"context"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// starterEnv makes the test binary a starter that runs its value as a shell command.
const starterEnv = "NETSTRIP_TEST_STARTER"

func TestMain(m *testing.M) {
	if script := os.Getenv(starterEnv); script != "" {
		_, _ = os.Open("/nonexistent/of-the-starter")
		for _, s := range strings.Split(script, "\n") {
			_ = exec.Command("sh", "-c", s).Run()
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// failing returns the text and errno of each call.
func failing(calls []Call) []string {
	var all []string
	for _, c := range calls {
		all = append(all, c.Text+" "+unix.ErrnoName(c.Errno))
	}
	return all
}

// stopsItself stops itself. Its parent sees it stopped, says so and continues it, and it
// must not go on before that.
const stopsItself = `perl -MIO::Handle -e 'pipe R, W; R->blocking(0); unless ($child = fork) { kill STOP, $$; exec qw(cat /proc/net/stopped) if <R> } ` +
	`waitpid $child, 2; select undef, undef, undef, 0.3; syswrite W, "x\n"; kill CONT, $child; waitpid $child, 0'`

func TestRun(t *testing.T) {
	for script, want := range map[string]string{
		"cat /nonexistent/x":                     `openat("/nonexistent/x") ENOENT`,
		"(cat /nonexistent/y)":                   `openat("/nonexistent/y") ENOENT`,
		"true & (sh -c 'exec cat /proc/net/no')": `openat("/proc/net/no") ENOENT`,
		"cat /proc/net/a /proc/net/b":            `openat("/proc/net/a") ENOENT`,
		stopsItself:                              `openat("/proc/net/stopped") ENOENT`,
	} {
		t.Run(script, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			calls, err := Run(ctx, exec.Command("sh", "-c", script), false)
			require.NoError(t, err)
			require.NoError(t, ctx.Err())
			assert.Contains(t, strings.Join(failing(calls), "\n"), want)
		})
	}
}

// noLink asks netlink for a device that does not exist (RTM_GETLINK).
const noLink = "n = s.socket(s.AF_NETLINK, s.SOCK_RAW); " +
	"n.send(__import__('struct').pack('=IHHIIBxHiII', 32, 18, 1, 1, 0, 0, 0, 0x7fffffff, 0, 0)); "

// A socket call is described with its arguments. The commands ask for things that no kernel has.
func TestSocketCalls(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("there is no python3, which can make any socket call")
	}
	for code, want := range map[string]string{
		"s.socket(45, s.SOCK_SEQPACKET)":                      "socket(family 45, SOCK_SEQPACKET) EAFNOSUPPORT",
		noLink + "n.recvmsg(999)":                             "recvmsg(AF_NETLINK, NLMSG_ERROR) ENODEV",
		noLink + "n.recvfrom(999)":                            "recvfrom(AF_NETLINK, NLMSG_ERROR) ENODEV",
		"s.socketpair(s.AF_INET, s.SOCK_STREAM)":              "socketpair(AF_INET, SOCK_STREAM) ENOTSUP",
		"s.socket().bind(('192.0.2.1', 80))":                  "bind(AF_INET, 192.0.2.1:80) EADDRNOTAVAIL",
		"s.socket().bind(('192.0.2.1', 40000))":               "bind(AF_INET, 192.0.2.1) EADDRNOTAVAIL",
		"s.socket(s.AF_UNIX).connect('/nonexistent')":         `connect(AF_UNIX, "/nonexistent") ENOENT`,
		"s.socket(s.AF_UNIX).connect(chr(0) + 'netstrip')":    `connect(AF_UNIX) ECONNREFUSED`,
		"s.socket(s.AF_INET, s.SOCK_DGRAM).listen()":          "listen ENOTSUP",
		"s.socket().setsockopt(s.SOL_SOCKET, 9999, 1)":        "setsockopt(SOL_SOCKET, 9999) ENOPROTOOPT",
		"__import__('fcntl').ioctl(s.socket(), 0x8927, 'x')":  "ioctl(0x8927) EFAULT",
		"__import__('os').open('/sys/class/net/nothing', 0)":  `openat("/sys/class/net/nothing") ENOENT`,
		"__import__('ctypes').CDLL(None).syscall(999, 0)":     "syscall 999 ENOSYS",
		"__import__('ctypes').CDLL(None).unshare(0xffffffff)": "unshare(CLONE_NEWNET) EINVAL",
	} {
		t.Run(code, func(t *testing.T) {
			calls, err := Run(t.Context(), exec.Command(python, "-c", "import socket as s; "+code), false)
			require.NoError(t, err)
			got := failing(calls)
			if strings.Contains(code, "0x8927") { // an ioctl of sockets
				want = strings.TrimSuffix(want, "EFAULT")
			}
			assert.Contains(t, strings.Join(got, "\n"), want)
			for _, c := range calls {
				if strings.HasPrefix(c.Text, strings.Split(want, " E")[0]) && !strings.HasPrefix(want, "syscall") {
					assert.True(t, c.network, c.Text)
				}
			}
		})
	}
}

// The calls of a starter are ignored; those of the commands it starts are kept, each with
// its command's PID.
func TestStarter(t *testing.T) {
	exe, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), starterEnv+"=cat /nonexistent/1\ncat /nonexistent/2; (cat /proc/net/3)")
	calls, err := Run(t.Context(), cmd, true)
	require.NoError(t, err)
	got := strings.Join(failing(calls), "\n")
	assert.NotContains(t, got, "of-the-starter")
	commands := map[string]int{}
	for _, c := range calls {
		if _, n, ok := strings.Cut(c.Text, "/nonexistent/"); ok {
			commands[n[:1]] = c.Command
		}
		if _, n, ok := strings.Cut(c.Text, "/proc/net/"); ok {
			commands[n[:1]] = c.Command
		}
	}
	assert.Len(t, commands, 3, got)
	assert.NotZero(t, commands["1"])
	assert.NotEqual(t, commands["1"], commands["2"])
	assert.Equal(t, commands["2"], commands["3"], "what a command starts is the command's")
}

// A thousand equal failures are one call.
func TestRepetition(t *testing.T) {
	calls, err := Run(t.Context(), exec.Command("sh", "-c", "for i in 1 2 3 4 5 6 7 8 9; do cat /proc/net/no; done"), false)
	require.NoError(t, err)
	assert.Equal(t, 1, strings.Count(strings.Join(failing(calls), "\n"), "/proc/net/no"))
}

// Processes left running are killed at the end of the trace, and all of them when the
// context ends.
func TestNothingIsLeft(t *testing.T) {
	for name, tc := range map[string]struct {
		script string
		limit  time.Duration
	}{
		"background": {"sleep 600 & echo $! >$0", time.Minute},
		"hangs":      {"echo $$ >$0; sleep 600", time.Second},
		"stops":      {"echo $$ >$0; kill -STOP $$; echo 0 >$0", time.Second}, // and nobody continues it
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), tc.limit)
			defer cancel()
			file := t.TempDir() + "/pid"
			begin := time.Now()
			_, err := Run(ctx, exec.Command("sh", "-c", tc.script, file), false)
			require.NoError(t, err)
			assert.Less(t, time.Since(begin), 30*time.Second)
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
			require.NoError(t, err)
			assert.Eventually(t, func() bool { return gone(pid) }, 10*time.Second, 10*time.Millisecond)
		})
	}
}

// gone reports whether a process has ended, even if nobody has waited for it.
func gone(pid int) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err != nil || strings.Contains(string(stat), ") Z ")
}

func TestNoProgram(t *testing.T) {
	_, err := Run(t.Context(), exec.Command("/nonexistent/program"), false)
	assert.ErrorContains(t, err, "tracing /nonexistent/program: ")
}

func TestName(t *testing.T) {
	assert.Equal(t, "read", name(unix.SYS_READ))
	assert.Equal(t, "mq_open", name(unix.SYS_MQ_OPEN))
	assert.Equal(t, "syscall 4095", name(4095))
}

// The tables have all system calls that golang.org/x/sys knows, with the same numbers.
func TestTables(t *testing.T) {
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "golang.org/x/sys").Output()
	require.NoError(t, err)
	files, err := tables.ReadDir("syscalls")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, f := range files {
		goarch := strings.TrimSuffix(f.Name(), ".txt")
		all, err := parseTable(goarch)
		require.NoError(t, err)
		source, err := os.ReadFile(strings.TrimSpace(string(dir)) + "/unix/zsysnum_linux_" + goarch + ".go")
		require.NoError(t, err)
		constants := regexp.MustCompile(`\bSYS_(\w+) += (\d+)`).FindAllStringSubmatch(string(source), -1)
		require.Greater(t, len(constants), 300)
		for _, c := range constants {
			nr, err := strconv.Atoi(c[2])
			require.NoError(t, err)
			if c[1] != "ARCH_SPECIFIC_SYSCALL" { // the first of the numbers that are an architecture's own
				assert.Equal(t, strings.ToLower(c[1]), all[nr], "%s %d", goarch, nr)
			}
		}
	}
	_, err = parseTable("vax")
	require.ErrorContains(t, err, "reading the system calls of vax: ")
}

func TestDecisive(t *testing.T) {
	const client, server, stranger = 10, 20, 30
	net := func(command int, text string, errno syscall.Errno) Call { return Call{text, errno, command, true} }
	not := func(command int, text string, errno syscall.Errno) Call { return Call{text, errno, command, false} }
	wg := net(client, "recvmsg(AF_NETLINK, NLMSG_ERROR)", unix.EOPNOTSUPP)
	tcp := net(server, "socket(AF_INET, SOCK_STREAM)", unix.EAFNOSUPPORT)
	tcp6 := net(server, "socket(AF_INET6, SOCK_STREAM)", unix.EAFNOSUPPORT)
	refused := net(client, "connect(AF_INET, 127.0.0.1:80)", unix.ECONNREFUSED)
	file := not(server, `openat("/etc/x")`, unix.ENOENT)
	denied := not(server, `openat("/data/y")`, unix.EACCES)
	log := net(server, `connect(AF_UNIX, "/dev/log")`, unix.ENOENT)
	noCall := not(server, "get_mempolicy", unix.ENOSYS)
	elsewhere := net(stranger, "socket(AF_PACKET, SOCK_RAW)", unix.EAFNOSUPPORT)
	for name, tc := range map[string]struct {
		calls   []Call
		culprit int
		said    map[int]string
		want    Call
	}{
		"the last of equals":                  {[]Call{tcp6, tcp, file}, server, map[int]string{server: ""}, tcp},
		"what it names":                       {[]Call{denied, tcp}, server, map[int]string{server: "y: Permission denied"}, denied},
		"what it names, before the network":   {[]Call{denied, tcp6, log}, server, map[int]string{server: "EACCES"}, denied},
		"of what it names the network":        {[]Call{tcp, file, denied}, server, map[int]string{server: "Address family not supported by protocol"}, tcp},
		"the server's, of an echo":            {[]Call{tcp, refused}, client, map[int]string{client: "Connection refused", server: ""}, tcp},
		"an echo where there is nothing else": {[]Call{refused, file}, client, map[int]string{client: "Connection refused", server: ""}, refused},
		"no stranger's":                       {[]Call{refused, elsewhere}, client, map[int]string{client: ""}, refused},
		"a file that it names":                {[]Call{not(server, `openat("/etc/y.conf")`, unix.ENOENT), file}, server, map[int]string{server: "y.conf: No such file or directory"}, not(server, `openat("/etc/y.conf")`, unix.ENOENT)},
		"not a file of a name that it says":   {[]Call{not(server, `openat("/etc/y.conf")`, unix.ENOENT), tcp}, server, map[int]string{server: "y.conf: aborted"}, tcp},
		"harmless files are none":             {[]Call{file}, server, map[int]string{server: "it broke"}, Call{}},
		"a call that is not there, at last":   {[]Call{noCall, file}, server, map[int]string{server: "it broke"}, noCall},
		"nor with an echo":                    {[]Call{noCall, log}, server, map[int]string{server: "it broke"}, log},
		"not a server's file":                 {[]Call{file}, client, map[int]string{client: "", server: "No such file or directory"}, Call{}},
		"a namespace":                         {[]Call{net(server, "unshare(CLONE_NEWNET)", unix.EINVAL), log}, server, map[int]string{server: ""}, net(server, "unshare(CLONE_NEWNET)", unix.EINVAL)},
		"a file of the network's":             {[]Call{net(server, `openat("/proc/net/dev")`, unix.ENOENT), log}, server, map[int]string{server: ""}, net(server, `openat("/proc/net/dev")`, unix.ENOENT)},
		"not the way to the log":              {[]Call{tcp, net(server, "socket(AF_UNIX, SOCK_DGRAM)", unix.EAFNOSUPPORT)}, server, map[int]string{server: "Address family not supported by protocol"}, tcp},
		"a number":                            {[]Call{denied, tcp, file}, server, map[int]string{server: "unable to bind socket, errno: 97"}, tcp},
		"not part of a number":                {[]Call{denied, tcp}, server, map[int]string{server: "errno: 971"}, tcp},
		"an answer of netlink's":              {[]Call{wg, refused}, client, map[int]string{client: "Unknown device type"}, wg},
		"nor a lack of privilege":             {[]Call{net(client, "socket(AF_INET, SOCK_DGRAM)", unix.EACCES)}, client, map[int]string{client: "0 received"}, Call{}},
		"nothing failed":                      {nil, server, map[int]string{server: ""}, Call{}},
	} {
		t.Run(name, func(t *testing.T) {
			got, ok := Decisive(tc.calls, tc.culprit, tc.said)
			assert.Equal(t, tc.want, got)
			assert.Equal(t, tc.want != Call{}, ok)
		})
	}
}

func TestRanks(t *testing.T) {
	all, err := parseRanks(ranksFile)
	require.NoError(t, err)
	assert.Len(t, all, 8, "no other failures")
	for _, w := range []weight{conclusive, echo, missing, other} {
		assert.Contains(t, all, failure{w, true})
		assert.Contains(t, all, failure{w, false})
	}
	assert.Equal(t, rank{9, 7}, all[failure{conclusive, true}])
	assert.Equal(t, rank{1, 0}, all[failure{missing, false}])
	for text, want := range map[string]string{
		"echo named 1\n":          `parsing the ranks: "echo named 1": EOF`,
		"# a\n\necho named 1 x\n": `parsing the ranks: "echo named 1 x": expected integer`,
	} {
		_, err := parseRanks(text)
		require.EqualError(t, err, want)
	}
}

func TestNames(t *testing.T) {
	for words, want := range map[string]bool{
		"bind: Function not implemented": true, "listen ENOSYS: x": true, "enosys": true, "errno: 38": true,
		"[Errno 38] x": true, "errno=38": true, "errno: 3": false, "errno: 380": false, "38": false, "errno": false, "": false,
	} {
		assert.Equal(t, want, Names(words, unix.ENOSYS), words)
	}
	assert.False(t, Names("a priori no video", unix.EIO))
}
