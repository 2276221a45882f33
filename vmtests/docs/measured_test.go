package docs

// The tables of performance.md, as printed by the commands on that page.

const comparedTable = `                            A              95 %           B              95 %                B against A       p   n
    first byte        0.139 s    0.099 to 0.207     0.147 s    0.114 to 0.173  no significant difference   0.971  10
    banner            0.139 s    0.103 to 0.213     0.147 s    0.116 to 0.176  no significant difference   1.000  10
    init              0.966 s    0.813 to 1.031     0.869 s    0.732 to 1.028  no significant difference   0.052  10
    first event       1.337 s    1.164 to 1.753     1.195 s    0.936 to 1.398                    -10.6 %   0.029  10
    guest start       1.050 s    0.920 to 1.497     0.934 s    0.744 to 1.018                    -11.1 %   0.023  10
    done              3.355 s    2.593 to 5.711     1.522 s    1.373 to 1.700                    -54.6 %  <0.001  10
    exit              3.366 s    2.607 to 5.720     1.526 s    1.386 to 1.700                    -54.7 %  <0.001  10
    mem available  213176 KiB  211976 to 214496  216548 KiB  216548 to 216548                     +1.6 %  <0.001  10
`

const kernelsTable = `| kernel | objects compiled | CPU seconds | from scratch, objects | CPU seconds | bzImage, bytes | least memory |
|---|---|---|---|---|---|---|
| full | 866 | 450 | 866 | 478 | 2,176,000 | 48 MiB |
| no-packet | 6 | 13 | 865 | 449 | 2,159,616 | 48 MiB |
| no-netns | 188 | 177 | 866 | 482 | 2,167,808 | 48 MiB |
| no-unix | 189 | 199 | 863 | 448 | 2,163,712 | 48 MiB |
| no-ipv6 | 316 | 241 | 835 | 408 | 2,012,160 | 48 MiB |
| no-inet | 255 | 192 | 778 | 339 | 1,754,112 | 46 MiB |
| bare-net | 445 | 275 | 764 | 342 | 1,676,288 | 46 MiB |
| no-net | 447 | 249 | 704 | 322 | 1,397,760 | 46 MiB |
| tiny | | | | | 869,376 | 44 MiB |
`

const searchesTable = `| from, to | symbols that differ | what broke it | kernels, netstrip | kernels, config-bisect.pl |
|---|---|---|---|---|
| ` + "`" + `full` + "`" + `, ` + "`" + `no-net` + "`" + ` | 28 | POSIX_MQUEUE | 2 | 5, with 3 symbols left |
| ` + "`" + `services` + "`" + `, ` + "`" + `services-no-net` + "`" + ` | 99 | NET, on which SECCOMP_FILTER depends | 3 | 3, with 78 left |
| tiny with a network and 1,106 options, without them | 1,106 | POSIX_MQUEUE | 3 | 8 |
| tiny with a network, with them | 1,106 | PACKET and IPV6, only together | 4 | 11, with PACKET left |
| the third pair, without the hint from the probe's name | 1,106 | POSIX_MQUEUE | 12 | 8 |
`

const realSearchesTable = `| from, to | what must work | symbols that differ | what broke it | kernels | boots |
|---|---|---|---|---|---|
| ` + "`" + `full` + "`" + `, ` + "`" + `no-net` + "`" + ` | kernel/mqueue | 28 | POSIX_MQUEUE | 2 | 7 |
| ` + "`" + `services` + "`" + `, ` + "`" + `services-no-net` + "`" + ` | kernel/seccomp/filter | 99 | NET | 3 | 8 |
| ` + "`" + `full+apps` + "`" + `, ` + "`" + `no-net+apps` + "`" + ` | app/redis/unix | 75 | UNIX | 2 | 7 |
| tiny with a network and more options, without them | kernel/mqueue | 465 | POSIX_MQUEUE | 2 | 7 |
| without them, with them | not both IPv6 and packet sockets | 465 | PACKET and IPV6, only together | 4 | 10 |
`

const leastTable = `| required | symbols | without them |
|---|---|---|
| socket/unix/stream | NET, UNIX | NET: absent, socket(AF\_UNIX, SOCK\_STREAM) ENOSYS; UNIX: absent, socket(AF\_UNIX, SOCK\_STREAM) EAFNOSUPPORT |
| netns/unshare | NET, NET\_NS | NET: absent, unshare(CLONE\_NEWNET) EINVAL; NET\_NS: absent, unshare(CLONE\_NEWNET) EINVAL |
| app/redis/unix | NET, UNIX | NET: absent, socket(AF\_UNIX, SOCK\_STREAM) ENOSYS; UNIX: absent, socket(AF\_UNIX, SOCK\_STREAM) EAFNOSUPPORT |
| app/flask/unix | NET, UNIX | NET: absent, socket(AF\_UNIX, SOCK\_STREAM) ENOSYS; UNIX: absent, socket(AF\_UNIX, SOCK\_STREAM) EAFNOSUPPORT |
| app/nginx/loopback | NET, INET, UNIX | NET: absent, socket(AF\_INET, SOCK\_STREAM) ENOSYS; INET: absent, socket(AF\_INET, SOCK\_STREAM) EAFNOSUPPORT; UNIX: absent, socketpair(AF\_UNIX, SOCK\_STREAM) EAFNOSUPPORT |
| app/postgres/unix | NET, UNIX | NET: absent, socket(AF\_UNIX, SOCK\_STREAM) ENOSYS; UNIX: absent, socket(AF\_UNIX, SOCK\_STREAM) EAFNOSUPPORT |
`
