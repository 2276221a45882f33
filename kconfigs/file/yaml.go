package file

import (
	"bytes"
	"errors"
	"io"

	"go.yaml.in/yaml/v3"
)

// YAML decodes one document strictly: an unknown key and a second document are errors.
func YAML(data []byte, into any) error {
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(true)
	if err := dec.Decode(into); err != nil {
		return err
	}
	if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return errors.New("there is more than one document")
	}
	return nil
}
