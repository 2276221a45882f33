package console

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Reading is how a boot went according to its log alone.
type Reading string

// The readings.
const (
	// Panicked and InitFailed are the outcomes of those names in a record.
	Panicked   Reading = "panicked"
	InitFailed Reading = "init-failed"
	// Reset: the kernel started again, with neither a panic nor a reboot by user space.
	Reset Reading = "reset"
	// Hung: init gave up and stopped. A kernel that hangs cannot be seen from a log alone.
	Hung Reading = "hung"
	// Faulted: the kernel reported faults, but did not panic.
	Faulted Reading = "faulted"
	// Clean: the log shows no fault. How the boot went on after its end is unknown.
	Clean Reading = "clean"
	// Unreadable: the file is not a console log, or has no line from a kernel.
	Unreadable Reading = "unreadable"
)

// Judge reads a log and says what decided.
func Judge(l Log) (Reading, string) {
	switch {
	case l.Foreign != "":
		return Unreadable, l.Foreign
	case l.Panic != "":
		outcome, reason := panicked(l)
		return Reading(outcome), reason
	case (l.Banners > 1 || l.Again) && l.Ended == "":
		return Reset, "the kernel started again for no visible reason; " + endText(l)
	case l.GaveUp != "" && l.Ended == "":
		return Hung, fmt.Sprintf("init gave up: %q", l.GaveUp)
	case l.Faults == 1:
		return Faulted, "the kernel reported a fault; " + endText(l)
	case l.Faults > 1:
		return Faulted, fmt.Sprintf("the kernel reported faults in %d lines; %s", l.Faults, endText(l))
	}
	return Clean, endText(l)
}

// endText describes the end of a log without a panic.
func endText(l Log) string {
	switch {
	case l.Ended != "":
		return fmt.Sprintf("user space shut it down: %q", l.Ended)
	case l.Inits > 0:
		return fmt.Sprintf("the log ends after init started, with %q", l.Last)
	}
	return fmt.Sprintf("the log ends with %q", l.Last)
}

// magics are the first bytes of files that are not logs, and what to do with such a file.
var magics = []struct{ begin, what string }{
	{"\x1f\x8b", "gzip data: zcat FILE | netstrip console"},
	{"\xfd7zXZ\x00", "xz data: xzcat FILE | netstrip console"},
	{"\x28\xb5\x2f\xfd", "zstd data: zstdcat FILE | netstrip console"},
	{"BZh", "bzip2 data: bzcat FILE | netstrip console"},
	{"\x04\x22\x4d\x18", "lz4 data: lz4cat FILE | netstrip console"},
	{"PK\x03\x04", "a zip archive: unpack it first"},
	{"\xff\xfe", "UTF-16 text: iconv -f UTF-16 -t UTF-8 FILE | netstrip console"},
	{"\xfe\xff", "UTF-16 text: iconv -f UTF-16 -t UTF-8 FILE | netstrip console"},
	{"\x7fELF", "an ELF file"},
	{"MZ", "a program or kernel image"},
	{"QFI\xfb", "a disk image"},
	{"070701", "a cpio archive"},
	{"%PDF-", "a PDF document"},
	{"\x89PNG", "a picture"},
}

// pages are the beginnings of texts that are not logs but may quote one.
var pages = []struct{ begin, what string }{
	{"<!DOCTYPE", "a page of HTML or XML"},
	{"<!doctype", "a page of HTML or XML"},
	{"<html", "a page of HTML or XML"},
	{"<?xml", "a page of HTML or XML"},
	{"package ", "source code"},
	{"import ", "source code"},
	{"#include", "source code"},
	{"// SPDX-", "source code"},
	{"/* SPDX-", "source code"},
	{"#!/", "a script"},
	{"diff --git ", "a patch"},
}

// foreign says why a file is not a console log; "" if it is one. Head is its beginning,
// proof the number of lines that prove a kernel log, quoted the number of lines that only
// quote one.
func foreign(l Log, head []byte, proof, quoted int) string {
	if l.Bytes == 0 {
		return "it is empty"
	}
	for _, m := range magics {
		if bytes.HasPrefix(head, []byte(m.begin)) && (len(m.begin) > 3 || !utf8.Valid(head) || bytes.IndexByte(head, 0) >= 0) {
			return "it is " + m.what
		}
	}
	for _, m := range pages {
		if bytes.HasPrefix(head, []byte(m.begin)) && l.Kernel <= l.Lines/2 {
			return "it is " + m.what
		}
	}
	if l.Kernel > 2 {
		return ""
	}
	switch text := textShare(head); {
	case (proof > 0 || l.Kernel > 0) && text >= 70:
		return ""
	case l.Bytes > maxForeign:
		return fmt.Sprintf("its first %d MiB contain no line from a kernel", maxForeign>>20)
	case text < 70:
		return "it is binary data"
	case l.Lines == 0:
		return fmt.Sprintf("its %d bytes contain no text", l.Bytes)
	case isJSON(head):
		return "it is JSON"
	case l.onlyFirmware():
		return firmwareAlone(l)
	case l.Firmware != "":
		return fmt.Sprintf("the firmware (%s) printed %d of its %d lines; a kernel none; the last is %q", l.Firmware, l.FirmwareLines, l.Lines, l.Last[:min(len(l.Last), 80)])
	case quoted > 0:
		return fmt.Sprintf("it quotes a kernel log in %d of its %d lines: name the log itself", quoted, l.Lines)
	}
	return fmt.Sprintf("its %d lines contain none from a kernel; the last is %q", l.Lines, l.Last[:min(len(l.Last), 80)])
}

// textShare returns the percentage of printable characters. It ignores zero bytes, since
// logs may have gaps.
func textShare(head []byte) int {
	all, good := 0, 0
	for _, r := range string(head) {
		if r == 0 {
			continue
		}
		all++
		if r != utf8.RuneError && (unicode.IsPrint(r) || strings.ContainsRune("\t\r\n\x1b\a\b\f", r)) {
			good++
		}
	}
	if all == 0 {
		return 100
	}
	return 100 * good / all
}

// isJSON reports whether a file begins with JSON, which may be cut off.
func isJSON(head []byte) bool {
	head = bytes.TrimSpace(head)
	if len(head) == 0 || head[0] != '{' && head[0] != '[' {
		return false
	}
	d := json.NewDecoder(bytes.NewReader(head))
	open := 0 // arrays and objects; "[ 1.0] " alone is a time stamp
	for n := 0; ; n++ {
		token, err := d.Token()
		if err != nil {
			return n > 2 && (open > 0 || err == io.EOF)
		}
		switch token {
		case json.Delim('['), json.Delim('{'):
			open++
		case json.Delim(']'), json.Delim('}'):
			open--
		}
		if n > 8 {
			return true
		}
	}
}
