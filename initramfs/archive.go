package initramfs

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/u-root/mkuimage/cpio"
	"github.com/u-root/mkuimage/uimage/initramfs"
)

// hosts is /etc/hosts, which resolves localhost in a guest without a name server.
const hosts = "127.0.0.1 localhost\n::1 localhost\n"

// staticRecords are the parts of the archive that are not programs. The kernel opens
// /dev/console before any init runs; u-root's init reads and mounts the rest.
func staticRecords() []cpio.Record {
	return []cpio.Record{
		cpio.Directory("dev", 0o755),
		cpio.CharDev("dev/console", 0o600, 5, 1),
		cpio.CharDev("dev/null", 0o666, 1, 3),
		cpio.Directory("etc", 0o755),
		cpio.StaticFile("etc/hosts", hosts, 0o644),
		cpio.Directory("proc", 0o555),
		cpio.Directory("sys", 0o555),
		cpio.Directory("tmp", 0o777),
	}
}

// writeArchive writes the image to path. mkuimage sorts the names, numbers the inodes from 1
// and sets times and owners to 0, so that equal inputs lead to equal bytes.
func writeArchive(path, initProgram, uinitProgram string) error {
	files := initramfs.NewFiles()
	for _, r := range staticRecords() {
		if err := files.AddRecord(r); err != nil {
			return fmt.Errorf("adding %s: %w", r.Name, err)
		}
	}
	for src, dest := range map[string]string{initProgram: "init", uinitProgram: "bin/uinit"} {
		if err := files.AddFile(src, dest); err != nil {
			return fmt.Errorf("adding %s: %w", dest, err)
		}
	}
	out, err := os.Create(path)
	if err != nil {
		return err
	}
	if err = errors.Join(writeFiles(out, files), out.Close()); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return nil
}

func writeFiles(out io.Writer, files *initramfs.Files) error {
	w := cpio.Newc.Writer(out)
	if err := files.WriteTo(archiveWriter{w}); err != nil {
		return err
	}
	return cpio.WriteTrailer(w)
}

// archiveWriter implements mkuimage's interface. mkuimage's own writer for files ignores the
// error of closing, which may be the one of a full disk.
type archiveWriter struct{ cpio.RecordWriter }

// Finish does nothing: writeFiles writes the trailer.
func (archiveWriter) Finish() error { return nil }
