//go:build linux

package socket

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/netstrip/netstrip/initramfs/probes"
	"github.com/netstrip/netstrip/initramfs/probes/sock"
)

// overHTTP serves a page on 127.0.0.1 and gets it from host. A bare system call makes a socket
// first: the error of Go's net package on a kernel without one depends on its fallbacks.
func overHTTP(host string) probes.Ask {
	return func(ctx context.Context) (probes.Answer, error) {
		if err := sock.Has(unix.AF_INET, unix.SOCK_STREAM); err != nil {
			return probes.Answer{}, err
		}
		names, err := net.DefaultResolver.LookupHost(ctx, host)
		if err != nil {
			return probes.Answer{}, probes.Try("lookup("+host+")", err)
		}
		l, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			return probes.Answer{}, sock.Reach("listen", err)
		}
		page := probes.Pattern(64 << 10)
		server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Write(page)
		})}
		defer server.Close()
		go server.Serve(l)
		_, port, _ := net.SplitHostPort(l.Addr().String())
		remote, err := get(ctx, "http://"+net.JoinHostPort(host, port)+"/", page)
		if err != nil {
			return probes.Answer{}, err
		}
		slices.Sort(names)
		return probes.Answer{
			Call:   "GET http://" + host + "/",
			Value:  remote,
			Detail: fmt.Sprintf("%s resolves to %s; the page came from %s", host, strings.Join(names, " and "), remote),
		}, nil
	}
}

// get fetches a page, checks it, and returns the address that it came from.
func get(ctx context.Context, url string, want []byte) (remote string, err error) {
	transport := &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			c, err := new(net.Dialer).DialContext(ctx, network, addr)
			if err == nil {
				remote, _, _ = net.SplitHostPort(c.RemoteAddr().String())
			}
			return c, err
		},
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", probes.Try("GET", err)
	}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return "", probes.Try("GET", err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, int64(len(want))+1))
	if err != nil {
		return "", probes.Try("GET", err)
	}
	if resp.StatusCode != http.StatusOK || !bytes.Equal(body, want) {
		return "", probes.Wrong("GET", "%s with %d bytes, want 200 with the %d bytes served", resp.Status, len(body), len(want))
	}
	return remote, nil
}
