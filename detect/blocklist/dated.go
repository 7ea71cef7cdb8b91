package blocklist

import (
	"bytes"
	"regexp"
	"strings"
	"time"
)

// dated returns when a list was made, by what comments at its beginning say of it; the zero time where they do not. A date without a
// zone is taken for UTC.
func dated(sample []byte) time.Time {
	for line := range bytes.Lines(sample) {
		found := dateLine.FindSubmatch(line)
		if found == nil {
			continue
		}
		text := strings.TrimRight(strings.Join(strings.Fields(string(found[1])), " "), " #")
		for _, layout := range dateLayouts {
			if at, err := time.ParseInLocation(layout, text, time.UTC); err == nil && at.Year() >= 1970 && at.Year() < 2200 {
				if zone, offset := at.Zone(); offset == 0 && zone != "" && zone != "UTC" && zone != "GMT" {
					break // an abbreviation that could be several zones'
				}
				return at.UTC()
			}
		}
	}
	return time.Time{}
}

// dateLine is a comment such as "; Last-Modified: Sat, 04 Nov 2017 11:15:33 GMT" (Spamhaus), "# This File Date  : Sat Nov  4
// 11:20:07 UTC 2017" (FireHOL) and "# Last updated: 2019-10-03 12:10:25 (UTC)" (abuse.ch).
var dateLine = regexp.MustCompile(`(?i)^\s*(?:[#;]|//)[#;/ \t]*(?:last[- ]?modified|last[- ]updated?|this file date|updated|generated|created|date)(?: on| at)?\s*[:=]?\s+(\S.*)`)

var dateLayouts = []string{
	"Mon, 2 Jan 2006 15:04:05 MST", "Mon, 2 Jan 2006 15:04:05 -0700", "Mon Jan 2 15:04:05 MST 2006", "Mon Jan 2 15:04:05 2006",
	time.RFC3339, "2006-01-02T15:04:05", "2006-01-02 15:04:05 MST", "2006-01-02 15:04:05 (MST)", "2006-01-02 15:04:05 -0700",
	"2006-01-02 15:04:05", "2006-01-02 15:04 MST", "2006-01-02 15:04", "2006/01/02 15:04:05", "2006-01-02", "2006/01/02", "2 Jan 2006",
}
