package process

import (
	"os"
	"slices"
	"strings"
)

// downloads are the programs that use the network.
var downloads = []string{"go", "apt-get", "apt-cache", "mmdebstrap", "npm"}

// Environ returns the environment of a program that netstrip starts: what it needs to find
// its files and, for downloads, proxies and certificates. The rest of netstrip's own
// environment may contain secrets and change a build.
func Environ(program string) []string {
	env := []string{"LANG=C"}
	for _, v := range os.Environ() {
		name, _, _ := strings.Cut(v, "=")
		if needed(program, name) {
			env = append(env, v)
		}
	}
	return env
}

func needed(program, name string) bool {
	switch name {
	case "PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "LD_LIBRARY_PATH", "XDG_CACHE_HOME", "XDG_CONFIG_HOME":
		return true
	case "SSL_CERT_FILE", "SSL_CERT_DIR", "APT_CONFIG":
		return slices.Contains(downloads, program)
	}
	switch {
	case program == "go" && strings.HasPrefix(name, "GO"):
		return true
	case program == "npm" && (name == "NODE_EXTRA_CA_CERTS" || strings.HasPrefix(strings.ToLower(name), "npm_config_")):
		return true
	case program == "make" && strings.HasPrefix(name, "CCACHE_"):
		return true
	}
	return strings.HasSuffix(strings.ToLower(name), "_proxy") && slices.Contains(downloads, program)
}
