package trace

import (
	"bytes"
	"errors"
	"regexp"
	"runtime"
	"strings"
	"testing"
)

// small is a stream file of one page, in pieces that a test can exchange.
type small struct{ head, header, tasks, classes, lifetimes string }

func smallStream() small {
	return small{
		head:      streamMagic + "\x01",
		header:    "\x01r\x00\x00\x00" + "\x00\x00\x00\x01\x02\x00\x00\x00\x00\x05" + "\x00\x00\x00\x00",
		tasks:     "\x01\x07\x02dd",
		classes:   "\x01\x01\x00\x01\x00\x01\x00\x01",
		lifetimes: "\x01\x00\x01\x02\x03",
	}
}

func (s small) bytes() []byte {
	return seal([]byte(s.head + s.header + s.tasks + s.classes + s.lifetimes))
}

// Every way in which a stream file is damaged, with the exact line a user sees.
func TestDamagedStreamsNameFileOffsetAndRemedy(t *testing.T) {
	const again = "; copy it again, or record again with `headroom record`"
	if _, err := Read(bytes.NewReader(smallStream().bytes()), "f"); err != nil {
		t.Fatal(err)
	}
	const big = "\xff\xff\xff\xff\xff\xff\xff\xff\x7f"
	for _, c := range []struct {
		want   string
		damage func(s *small)
	}{
		{"offset 0: damaged stream: it does not begin as a stream file does", func(s *small) { s.head = strings.Replace(s.head, "\r\n", "\n", 1) }},
		{"offset 9: damaged stream: the version is 0, and there is none below 1", func(s *small) { s.head = streamMagic + "\x00" }},
		{"offset 9: damaged stream: the length of the recorder is 90, and what follows is too short for it", func(s *small) { s.header = "\x5a" + s.header[1:] }},
		{"offset 9: damaged stream: the length of the recorder is above 4096", func(s *small) { s.header = big + s.header[1:] }},
		{"offset 9: damaged stream: the length of the recorder is written with more bytes than it needs", func(s *small) { s.header = "\x81\x00" + s.header[1:] }},
		{"offset 15: damaged stream: the number of CPUs online is above 4096", func(s *small) { s.header = s.header[:6] + "\xff\x7f" + s.header[7:] }},
		{"offset 28: damaged stream: the number of tasks is 4000000, and what follows is too short for it", func(s *small) { s.tasks = "\x80\x92\xf4\x01" + s.tasks[1:] }},
		{"offset 28: damaged stream: the number of tasks is above 8388608", func(s *small) { s.tasks = big + s.tasks[1:] }},
		{"offset 34: damaged stream: a kind is above 1", func(s *small) { s.classes = "\x01\x02" + s.classes[2:] }},
		{"offset 36: damaged stream: a task is above 1", func(s *small) { s.classes = "\x01\x01\x00\x02" + s.classes[4:] }},
		{"offset 38: damaged stream: an allocating context is above 4", func(s *small) { s.classes = "\x01\x01\x00\x01\x00\x05" + s.classes[6:] }},
		{"offset 41: damaged stream: the number of lifetimes is 1, and what follows is too short for it", func(s *small) { s.lifetimes = "\x01\x00\x01\x02" }},
		{"offset 42: damaged stream: it holds no lifetime", func(s *small) { s.lifetimes = "\x00" }},
		{"offset 35: damaged stream: its lifetimes have no class", func(s *small) { s.classes = "\x00" }},
		{"offset 42: damaged stream: 1 lifetimes are more than its 1 events make", func(s *small) { s.header = strings.Replace(s.header, "\x01\x02\x00", "\x01\x01\x00", 1) }},
		{"offset 42: damaged stream: a class is above 0", func(s *small) { s.lifetimes = "\x01\x01\x01\x02\x03" }},
		{"offset 44: damaged stream: lifetime 0 is freed at a place taken or out of range", func(s *small) { s.lifetimes = "\x01\x00\x00\x02\x03" }},
		{"offset 44: damaged stream: lifetime 0 is freed at a place taken or out of range", func(s *small) { s.lifetimes = "\x01\x00\x02\x02\x03" }},
		{"offset 46: damaged stream: lifetime 1 is freed at a place taken or out of range", func(s *small) {
			s.header = strings.Replace(s.header, "\x01\x02\x00", "\x01\x04\x00", 1)
			s.lifetimes = "\x02\x00\x00\x02\x01\x00\x00\x00\x00"
		}},
		{"offset 45: damaged stream: a time is above 3", func(s *small) { s.lifetimes = "\x01\x00\x01\x02\x04" }},
		{"offset 46: damaged stream: 1 bytes follow the last lifetime", func(s *small) { s.lifetimes += "\x00" }},
	} {
		s := smallStream()
		c.damage(&s)
		r, err := Read(bytes.NewReader(s.bytes()), "f")
		if r != nil || !errors.Is(err, ErrDamagedStream) || err.Error() != "f: "+c.want+again {
			t.Errorf("got %v, %v\nwant f: %s%s", r, err, c.want, again)
		}
	}
}

func TestStreamsOfANewerVersionAreRefused(t *testing.T) {
	s := smallStream()
	s.head = streamMagic + "\x02"
	const want = "f: stream of a newer version: version 2, and this program reads 1; read it with the headroom that wrote it, or record again"
	if _, err := Read(bytes.NewReader(s.bytes()), "f"); !errors.Is(err, ErrNewerStream) || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
}

// No byte can be changed, and no tail cut off, unnoticed; each time one line names the file, the offset and the remedy.
func TestEveryDamageIsNoticed(t *testing.T) {
	line := regexp.MustCompile(`^f: (offset \d+: damaged stream: .*; copy it again|stream of a newer version: ).*$`)
	whole := smallStream().bytes()
	for i := range whole {
		for bit := range 8 {
			flipped := bytes.Clone(whole)
			flipped[i] ^= 1 << bit
			if _, err := decodeStream(flipped, "f"); err == nil || !line.MatchString(err.Error()) {
				t.Errorf("bit %d of byte %d: %v", bit, i, err)
			}
		}
		if _, err := decodeStream(whole[:i], "f"); err == nil || !line.MatchString(err.Error()) {
			t.Errorf("cut at %d: %v", i, err)
		}
	}
}

// A count gets no memory before there are bytes for it: a file of 100 bytes that claims millions costs next to nothing.
func TestSmallFilesGetLittleMemory(t *testing.T) {
	for _, damage := range []func(s *small){
		func(s *small) { s.tasks = "\xff\xff\xff\x03" },
		func(s *small) { s.classes = "\xff\xff\xff\x03" },
		func(s *small) { s.lifetimes = "\xff\xff\xff\x03" + s.lifetimes[1:] },
	} {
		s := smallStream()
		damage(&s)
		data := s.bytes()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := decodeStream(data, "f")
		runtime.ReadMemStats(&after)
		if got := after.TotalAlloc - before.TotalAlloc; err == nil || got > 100_000 {
			t.Errorf("%d bytes of memory for a file of %d, %v", got, len(data), err)
		}
	}
}

// FuzzStream tells recordings from other data, or go-fuzz would not be guided.
func TestFuzzStreamPrefersRecordings(t *testing.T) {
	whole := smallStream().bytes()
	if got := FuzzStream(whole[:len(whole)-checksumBytes]); got != 1 {
		t.Errorf("a recording: got %d, want 1", got)
	}
	if got := FuzzStream([]byte("prose")); got != 0 {
		t.Errorf("prose: got %d, want 0", got)
	}
}
