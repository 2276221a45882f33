// Package units reads and prints sizes and times as people write them. It runs on the host.
package units

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// ParseBytes sets n to a number of bytes with a unit, which is a power of 1024.
func ParseBytes(n *int64, text string) error {
	m := regexp.MustCompile(`^([0-9]+(?:\.[0-9]+)?)([KMGT])(?:i?B)?$`).FindStringSubmatch(text)
	if m == nil {
		return errors.New("want a number and a unit, such as 500M or 2.5GiB")
	}
	size, err := strconv.ParseFloat(m[1], 64)
	size *= math.Pow(1024, float64(1+strings.Index("KMGT", m[2])))
	if err != nil || size < 1 || size > math.MaxInt64/2 {
		return errors.New("want a positive size that a disk can hold")
	}
	*n = int64(size)
	return nil
}

// ParseAge sets age to a number of days or weeks below a century, or a duration for time.ParseDuration.
func ParseAge(age *time.Duration, text string) error {
	d, _ := time.ParseDuration(text) // 0 if it is something else
	for unit, hours := range map[string]uint64{"d": 24, "w": 7 * 24} {
		number, ok := strings.CutSuffix(text, unit)
		if n, err := strconv.ParseUint(number, 10, 16); ok && err == nil && n*hours < 36500*24 {
			d = time.Duration(n*hours) * time.Hour
		}
	}
	if d <= 0 {
		return errors.New("want a time such as 30d, 2w or 12h")
	}
	*age = d
	return nil
}

// Bytes returns a number of bytes as text.
func Bytes(n int64) string {
	size, unit := float64(n)/1024, 0
	for ; size >= 1024 && unit < 3; unit++ {
		size /= 1024
	}
	return fmt.Sprintf("%.1f %ciB", size, "KMGT"[unit])
}
