package main

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// sizeFlag is a flag's number of bytes.
type sizeFlag int64

// String returns it for the flag's default, which is none.
func (s *sizeFlag) String() string { return "" }

// Type names it in messages.
func (s *sizeFlag) Type() string { return "SIZE" }

// Set reads a number with a unit, each of which is 1024 of the one before.
func (s *sizeFlag) Set(text string) error {
	m := regexp.MustCompile(`^([0-9]+(?:\.[0-9]+)?)([KMGT])(?:i?B)?$`).FindStringSubmatch(text)
	if m == nil {
		return errors.New("want a number and a unit, such as 500M or 2.5GiB")
	}
	n, err := strconv.ParseFloat(m[1], 64)
	n *= math.Pow(1024, float64(1+strings.Index("KMGT", m[2])))
	if err != nil || n < 1 || n > math.MaxInt64/2 {
		return errors.New("want a positive size that a disk can hold")
	}
	*s = sizeFlag(n)
	return nil
}

// ageFlag is a flag's time span.
type ageFlag time.Duration

// String returns it for the flag's default, which is none.
func (a *ageFlag) String() string { return "" }

// Type names it in messages.
func (a *ageFlag) Type() string { return "AGE" }

// Set reads a number of days or weeks, or what time.ParseDuration takes.
func (a *ageFlag) Set(text string) error {
	if m := regexp.MustCompile(`^([0-9]+)([dw])$`).FindStringSubmatch(text); m != nil {
		days, err := strconv.Atoi(m[1])
		if m[2] == "w" {
			days *= 7
		}
		if err == nil && days > 0 && days < 36500 {
			*a = ageFlag(time.Duration(days) * 24 * time.Hour)
			return nil
		}
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		return errors.New("want a time such as 30d, 2w or 12h")
	}
	*a = ageFlag(d)
	return nil
}

// bytesText returns a number of bytes for people.
func bytesText(n int64) string {
	units := []string{"KiB", "MiB", "GiB", "TiB"}
	size := float64(n) / 1024
	for len(units) > 1 && size >= 1024 {
		size, units = size/1024, units[1:]
	}
	return fmt.Sprintf("%.1f %s", size, units[0])
}
