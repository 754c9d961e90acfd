package trace

import (
	"bufio"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
)

const (
	maxLineBytes = 1 << 20 // a longer line is malformed; a real one is some 200 bytes
	maxEvents    = 1 << 24 // events that pair, kept at once: 512 MiB; also keeps sequences and steps inside 32 bits
	searchLines  = 1000    // lines without an event, comments aside, after which the file is no trace
)

// Errors that a caller must expect, matched with errors.Is. Each is wrapped in one line that names the file and the remedy.
var (
	ErrNotTrace    = errors.New("not a trace")
	ErrNoLifetimes = errors.New("no lifetime")
	ErrDamaged     = errors.New("damaged gzip")
	ErrTooLarge    = errors.New("too large")
)

const recordOne = "record one with `headroom record`, `trace-cmd report` or cat /sys/kernel/tracing/trace"

// Open reads the recording in the file at path; see Read.
func Open(path string) (*Recording, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return Read(file, path)
}

// Read reads a recording, gzip'd or not, in any of the formats of the package comment. The name stands for the file in
// errors and in the summary. It fails with ErrNotTrace when no line is an event, with ErrNoLifetimes when nothing in it
// pairs, with ErrDamaged on a gzip that is cut short or corrupt, with ErrTooLarge above 16777216 events that pair, and with
// the reader's own error. Lines that make no sense inside a trace are counted, not fatal. Of a stream file, which has a
// checksum, every damage is: ErrDamagedStream, or ErrNewerStream.
func Read(r io.Reader, name string) (*Recording, error) {
	raw := bufio.NewReader(r)
	magic, err := raw.Peek(2)
	if err != nil && err != io.EOF {
		return nil, fmt.Errorf("%s:1: %w", name, err)
	}
	text := io.Reader(raw)
	if bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		unzipped, err := gzip.NewReader(raw)
		if err != nil {
			return nil, damaged(name, 1, err)
		}
		text = unzipped
	}
	start := bufio.NewReaderSize(text, maxLineBytes)
	if isStream(start) {
		return readStream(start, name)
	}
	p := parser{name: name, limit: maxEvents, contextColumn: defaultContextColumn}
	if err := p.readLines(start); err != nil {
		return nil, err
	}
	return p.recording()
}

// isStream recognizes a stream file, also one that a transfer in text mode spoilt.
func isStream(start *bufio.Reader) bool {
	const telling = 4               // bytes of the magic before its line ends
	begin, _ := start.Peek(telling) // its error comes back with the first line
	return string(begin) == streamMagic[:telling]
}

// damaged describes a gzip that failed to unpack; errors of the underlying reader pass through it.
func damaged(name string, line int, err error) error {
	var corrupt flate.CorruptInputError
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return fmt.Errorf("%s:%d: %w: it is cut short here; copy it again, or keep what is there with `gzip -dc`", name, line, ErrDamaged)
	case errors.As(err, &corrupt), errors.Is(err, gzip.ErrHeader), errors.Is(err, gzip.ErrChecksum):
		return fmt.Errorf("%s:%d: %w: %v; copy it again", name, line, ErrDamaged, err)
	}
	return fmt.Errorf("%s:%d: %w", name, line, err)
}

// readLines hands every line of text to p until the end or the first fatal error. The buffer of text is maxLineBytes long.
func (p *parser) readLines(text *bufio.Reader) error {
	if err := p.refuseBinary(text); err != nil {
		return err
	}
	for {
		line, err := text.ReadSlice('\n')
		if len(line) > 0 {
			p.line++
		}
		if err == bufio.ErrBufferFull {
			if p.format == undecided {
				return fmt.Errorf("%s:%d: %w: a line of more than %d bytes; %s", p.name, p.line, ErrNotTrace, maxLineBytes, recordOne)
			}
			p.malformed()
			err = skipLine(text)
		} else if fatal := p.take(line); fatal != nil {
			return fatal
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return damaged(p.name, max(p.line, 1), err)
		}
	}
}

// refuseBinary recognizes the recorders' own files, which their report commands turn into text.
func (p *parser) refuseBinary(text *bufio.Reader) error {
	start, _ := text.Peek(8) // its error comes back with the first line
	switch {
	case bytes.HasPrefix(start, []byte("\x17\x08\x44tracin")[:8]):
		return fmt.Errorf("%s:1: %w: the binary file of trace-cmd; print it with `trace-cmd report -i`", p.name, ErrNotTrace)
	case bytes.HasPrefix(start, []byte("PERFILE2")):
		return fmt.Errorf("%s:1: %w: the binary file of perf; print it with `perf script -i`", p.name, ErrNotTrace)
	}
	return nil
}

// skipLine drops the rest of an over-long line.
func skipLine(text *bufio.Reader) error {
	for {
		if _, err := text.ReadSlice('\n'); err != bufio.ErrBufferFull {
			return err
		}
	}
}
