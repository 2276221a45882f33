package docs

// The text of the pages. A %s or %d is filled in from the expectations.

const claimsText = `# What people believe about Linux networking

Nineteen common beliefs, each decided by boots. A verdict follows from rules in
[claims.txt](../claims/claims.txt), which name kernels, probes and answers. Every verdict is
mutation-tested: swapping any kernel it rests on for another one changes it in at least one
case. A verdict that changes fails ` + "`go test ./vmtests`" + `.

%s
` + "`netstrip claims C11`" + ` prints one argument with the records it rests on and the commands that
repeat it. What follows is the same for all of them, on Linux 6.12. C10 rests on
measurements, which are no expectation, so its evidence is only printed after
` + "`netstrip bench`" + `.

%s`

const matrixText = `# What works on which kernel

Expected answers of every probe on Linux 6.12. ` + "`works`" + ` means that the probe succeeded. An errno
is the one of the call that decided that the feature is not there. ` + "`netstrip run`" + ` boots the
ladder and compares; a kernel that answers otherwise, better or worse, fails the test. Call,
value and errno of each answer are in [the expectations](../expect/testdata/6.12).

A star marks an answer that works with another value than in the first column; the values are
below the table.

| kernel | probes that work | hypothesis |
|---|---|---|
%s
## The ladder

%s
## Beside the ladder

%s`

const initsText = `# Which init the kernel boots into

The probes answer the same under each init, to the errno. What the init itself did is asked
first:

%s
A loopback interface is down until an init sets it up. To repeat it:
` + "`netstrip run full no-net --init probe,u-root,busybox && netstrip show latest init --markdown`" + `

## systemd

Debian's systemd with its journal, udev, logind and D-Bus:

| kernel | outcome |
|---|---|
%s
%s
On ` + "`services-no-net`" + ` systemd reports "Failed to allocate notification socket: Function not
implemented" and freezes. That socket is an AF_UNIX socket: systemd, its journal and its bus
need NET and UNIX, and no IP. Linux 6.1 answers the same, except that
systemd-sysctl.service fails there with and without the network, because it sets
kernel.pid_max to more than a 6.1 kernel without BASE_FULL accepts
(include/linux/threads.h:34). To repeat it:
` + "`netstrip run services services-no-inet services-no-net --init systemd`" + `
`

const applicationsText = `# Real applications

Each application is started in every way it can be used (over loopback, over a veth pair,
over a Unix socket, with no socket at all) and queried by a real client. An application that fails is run again
under ptrace, and the table shows the call that decided. How that call is chosen is described
in [decide.go](../../initramfs/trace/decide.go). A timeout alone is ` + "`inconclusive`" + `.

| kernel | ways that work |
|---|---|
%s
%s
To repeat it: ` + "`make apps && netstrip show latest app --markdown`" + `

- Without NET nothing that creates a socket starts. What needs no socket works.
- Without AF_UNIX more breaks than the servers of Unix sockets: nginx, HAProxy, RabbitMQ, Squid,
  ssh, D-Bus, dnsmasq, Vite and both container runtimes need it for themselves, even where
  they serve TCP alone.
- With lo down nothing can bind to 127.0.0.1.
- Only tcpdump and the DHCP client udhcpc need packet sockets. No application needs IPv6.

## The applications

| application | ways | packages |
|---|---|---|
%s`

const studiesText = `# What other studies say

Two published studies beside the same answers. Each line says whether it can be compared, and why
not where it cannot.

## Loupe

Of %d lines %d can be compared, and %d agree.

%s
## Lupine

Of %d lines %d can be compared, and %d agree.

%s
To repeat it: ` + "`netstrip apps against loupe`" + ` and ` + "`netstrip apps against lupine`" + `, after ` + "`make apps`" + `
`

// The figures of this page are measured, each by the command beside it; no test can repeat
// them. Whoever measures anew writes them here.
const performanceText = `# What it costs

Every figure here was measured under TCG on two cores, by the command beside it, on Linux
6.12.117 and QEMU 7.2. Times vary between machines; ratios taken in one run vary less.

## A boot

` + "`make bench-boot`" + `

- A boot through netstrip takes 1.09 times as long as its bare QEMU command line (21 pairs in
  turn on an idle machine, 95 %%: 1.06 to 1.13).
- Sixteen boots in parallel on two cores are 1.63 times as fast as one after the other; the bare
  command lines of the same boots reach 1.64, which is the machine's ceiling.

` + "`make soak`" + `: 1,000 boots of ` + "`no-net`" + ` and ` + "`full`" + ` in turn all completed and answered as expected, in a
median of 1.03 s and 1.59 s (with 35 probes, of the 128 there are now), and at the end held no
more descriptors, goroutines, files, processes or memory than after the first ten.

## Two kernels compared

` + "`netstrip compare full no-net --boots 10`" + ` (the part on the boots, on a busy machine):

%[1]s
Medians with their confidence intervals; p is of the Mann-Whitney test, as in benchstat. The
probes end sooner without a network because most of what they ask for is refused.

## Kernels

` + "`make bench-build`" + ` (objects and CPU seconds) and ` + "`make bench-size`" + ` (size and memory):

%[2]s
The ladder is built in one object tree. It costs 3.8 times as much as make of ` + "`full`" + ` alone; make of
each of the eight from scratch costs 6.8 times as much, and a profile without PACKET 3 %% of it.
The headers explain why it is not less: everything that includes net/net_namespace.h (lines 127
to 197) mentions NET_NS, UNIX and IPV6 alike, and is compiled again for each. With a MiB less
than the least memory the kernel finds no init: the initramfs is 11.4 MiB, and its unpacked copy
may fill half of the memory.

## Searches

` + "`make bench-bisect`" + ` compares the number of kernels that netstrip has one build, verification
included, with that of the kernel's own config-bisect.pl, which halves, verifies nothing and
looks for one symbol. Which kernels fail is decided by their .configs there:

%[3]s
` + "`NETSTRIP_FULL=1 NETSTRIP_REQUIRE_VM=1 go test -timeout 3h ./vmtests/bisect -run TestRealBisections -v`" + `
builds and boots these; the kernels at both ends are booted too and not counted:

%[4]s
The least network for some probes and applications (` + "`netstrip minimize --profile full --each\n--require socket/unix/stream,netns/unshare --markdown`" + `, and with ` + "`--profile full+apps`" + ` and
` + "`--require app/redis/unix,app/flask/unix,app/nginx/loopback,app/postgres/unix`" + `). Each kernel less
one of the symbols was booted too:

%[5]s
## Channels

` + "`netstrip bench`" + ` measures ten ways to send a byte to another thread and back. Medians of 17 boots:
TCP on 127.0.0.1 takes twice as long as a Unix socket, three times as long as a pipe, and a
fifth of the time of a wire between two network cards.

## Applications

` + "`make apps`" + `: 21 applications in 40 ways on nine kernels, two guests at a time, with disk and
kernels cached: 21 minutes on two idle cores. Answers were equal in three runs.
`
