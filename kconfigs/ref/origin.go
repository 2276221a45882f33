package ref

// Origin names an architecture and a kernel source: a series, a path, or a URL with the hash of the
// download. Empty means the default.
type Origin struct {
	Arch   string `json:"arch"`
	Series string `json:"series,omitempty"`
	Source string `json:"source,omitempty"`
	URL    string `json:"url,omitempty"`
	SHA256 string `json:"sha256,omitempty"`
}
