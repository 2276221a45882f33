package docs

// The text of the pages. A %s or %d is filled in from the expectations.

const claimsText = `# What people believe about Linux networking

Common beliefs, each decided by boots. A verdict follows from rules in
[claims.txt](../claims/claims.txt), which name kernels, probes and answers. Every verdict is
mutation-tested: replacing the record of one of its kernels with another's changes it in at least one
case. A verdict that changes fails ` + "`go test ./vmtests`" + `.

%s
` + "`netstrip claims C11`" + ` prints one argument with the records it rests on and the commands that
repeat it. The rest of this page has all of them, with the answers of Linux 6.12, and the series and
architectures on which the expectations decide each. C10 rests on measurements,
which are not part of the expectations; its evidence is printed only after
` + "`netstrip bench`" + `.

%s`

const packagesText = `# The packages

| package | |
|---|---|
%s
Each imports only packages below it:

![The packages and their imports](packages.svg)
`

const matrixText = `# What works on which kernel

Expected answers of every probe on Linux 6.12. ` + "`works`" + ` means that the probe succeeded. An errno
means that the feature is absent, and is that of the call that decided (` + "`absent`" + ` if
there was none). ` + "`netstrip run`" + ` boots the ladder and compares the answers with these; any difference,
better or worse, makes it exit with 1.
[The expectations](../expect/testdata/6.12) have the call, value and errno of each answer.

A star marks an answer that works with a value other than that in the first column. The values
are listed below the table.

| kernel | probes that work | hypothesis |
|---|---|---|
%s
## The ladder

%s
## Beside the ladder

%s`

const seriesText = `# What changes between series and architectures

The expectations of each series of x86_64 are compared with those of the series before it, and those
of each other architecture with those of x86_64. A set is named after its series and, unless that is
x86_64, its architecture. Only differences are listed. Each group follows its explanation, which cites
the lines of the kernels that cause it and is from [differences.yaml](differences.yaml). A test fails if
a difference has no explanation, or if an explanation matches no difference.

| from | to | kernels | answers | differ |
|---|---|---|---|---|
%s
%s`

const initsText = `# Which init the kernel boots into

The probes give the same answers, including the errno, under each init. The init's own steps are
checked first:

%s
A loopback interface is down until an init sets it up. To repeat this:
` + "`netstrip run full no-net --init probe,u-root,busybox && netstrip show latest init --markdown -`" + `

## systemd

Debian's systemd with its journal, udev, logind and D-Bus:

| kernel | outcome |
|---|---|
%s
%s
On ` + "`services-no-net`" + ` systemd reports "Failed to allocate notification socket: Function not
implemented" and freezes. That socket is an AF_UNIX socket: systemd, its journal and its bus
need NET and UNIX, but not IP. Linux 6.1 answers the same, except that
systemd-sysctl.service fails there with and without the network: it sets kernel.pid_max
higher than a 6.1 kernel without BASE_FULL accepts (include/linux/threads.h:34). To repeat
this:
` + "`netstrip run services services-no-inet services-no-net --init systemd`" + `
`

const applicationsText = `# Real applications

Each application is started in every way it can be used (over loopback, over a veth pair,
over a Unix socket, or without a connection) and queried by a real client. An application that fails is run again
under ptrace, and the table shows the call that decided. How that call is chosen is described
in [decide.go](../../initramfs/trace/decide.go). A timeout alone is ` + "`inconclusive`" + `.

| kernel | ways that work |
|---|---|
%s
%s
To repeat this: ` + "`make apps && netstrip show latest app --markdown -`" + `

- Without NET no program that creates a socket starts. Programs without sockets work.
- AF_UNIX is needed by more than servers on Unix sockets: nginx, HAProxy, RabbitMQ, Squid, ssh,
  D-Bus, dnsmasq, Vite and both container runtimes need it internally, even if they serve only
  TCP.
- With lo down no program can bind to 127.0.0.1.
- Only tcpdump and the DHCP client udhcpc need packet sockets. No application needs IPv6.

## The applications

| application | ways | packages |
|---|---|---|
%s`

const studiesText = `# What other studies say

Two published studies, compared with these answers. Each line says whether it can be compared,
and if not, why.

## Loupe

Of %d lines %d can be compared, and %d agree.

%s
## Lupine

Of %d lines %d can be compared, and %d agree.

%s
To repeat this: ` + "`netstrip apps against loupe`" + ` and ` + "`netstrip apps against lupine`" + `, after ` + "`make apps`" + `
`

// The figures on this page were measured with the commands on it. No test can reproduce them;
// new measurements are entered here by hand.
const performanceText = `# What it costs

Every figure was measured under TCG on two cores with the command next to it, on Linux 6.12.117
and QEMU 7.2. Times vary between machines; ratios within one run vary less.

## A boot

` + "`make bench-boot`" + `

- A boot through netstrip takes 1.09 times as long as its bare QEMU command line (21 alternating
  pairs on an idle machine, 95 %% interval: 1.06 to 1.13).
- Sixteen boots in parallel on two cores are 1.63 times as fast as sequential ones; the bare
  command lines of the same boots reach 1.64, which is the machine's ceiling.

` + "`make soak`" + `: 500 boots each of ` + "`no-net`" + ` and ` + "`full`" + `, alternating, all completed and answered as
expected. The medians were 1.03 s and 1.59 s (with 35 probes; there are 128 now). At the end
netstrip held no more descriptors, goroutines, files, processes or memory than after ten boots.

## Two kernels compared

` + "`netstrip compare full no-net --boots 10`" + ` (the part about the boots, on a busy machine):

%[1]s
Medians with confidence intervals; p is from the Mann-Whitney test, as in benchstat. Without a
network the probes finish sooner because the kernel refuses most of their requests.

## Kernels

` + "`make bench-build`" + ` (objects and CPU seconds) and ` + "`make bench-size`" + ` (size and memory):

%[2]s
The ladder is built in one object tree. It costs 3.8 times as much as make of ` + "`full`" + ` alone, whereas
make of all eight from scratch costs 6.8 times as much. A profile without PACKET costs 3 %% of
` + "`full`" + `. The headers prevent a lower cost: every file that includes net/net_namespace.h (lines 127
to 197) depends on NET_NS, UNIX and IPV6 and is compiled again for each. With one MiB less than
the least memory the kernel finds no init: the initramfs is 11.4 MiB, and its unpacked copy may
fill at most half of the memory.

## Searches

` + "`make bench-bisect`" + ` compares how many kernels must be built with netstrip, including verification,
and with the kernel's own config-bisect.pl, which halves the set, verifies nothing and looks for
one symbol. In this benchmark a rule on the .config decides which kernels fail:

%[3]s
` + "`NETSTRIP_FULL=1 NETSTRIP_REQUIRE_VM=1 go test -timeout 3h ./vmtests/bisect -run TestRealBisections -v`" + `
builds and boots real kernels. It boots the kernels at both ends too, which are not counted:

%[4]s
The least network for some probes and applications (` + "`netstrip minimize --profile full --each\n--require socket/unix/stream,netns/unshare --markdown -`" + `, and with ` + "`--profile full+apps`" + ` and
` + "`--require app/redis/unix,app/flask/unix,app/nginx/loopback,app/postgres/unix`" + `). Each kernel without
one of the symbols was booted too:

%[5]s
## Channels

` + "`netstrip bench`" + ` measures ten ways to send a byte to another thread and back. Medians of 17 boots:
TCP on 127.0.0.1 takes twice as long as a Unix socket, three times as long as a pipe, and a fifth
of the time of a wire between two network cards.

## Applications

` + "`make apps`" + ` with the disk and the kernels cached, two guests at a time, on two idle cores: 21
applications in 40 ways on nine kernels took 21 minutes (there are 23 in 42 ways now). Three runs had the same answers.
`
