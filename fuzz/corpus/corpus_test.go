package corpus

import (
	"bytes"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// Every input comes back from the native form, whatever its bytes.
func TestNativeFormGivesTheDataBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		data := rapid.SliceOf(rapid.Byte()).Draw(t, "data")
		if back, err := Raw(Native(data)); err != nil || !bytes.Equal(back, data) {
			t.Fatalf("%q comes back as %q, %v", data, back, err)
		}
	})
}

// What the native fuzzer wrote itself reads, and is written the same; edited by hand into the other kind of literal it reads as well.
func TestFilesOfTheNativeFuzzerRead(t *testing.T) {
	const written = "go test fuzz v1\n[]byte(\"0\\x00\\xff\\\"é\\xc3\\n\")\n"
	raw, err := Raw([]byte(written))
	if err != nil || string(raw) != "0\x00\xff\"é\xc3\n" || string(Native(raw)) != written {
		t.Errorf("%s reads as %q, %v, and is written\n%s", written, raw, err, Native(raw))
	}
	if raw, err := Raw([]byte("go test fuzz v1\n[]byte(`plain \\ text`)\n")); err != nil || string(raw) != `plain \ text` {
		t.Errorf("the other literal reads as %q, %v", raw, err)
	}
}

// What is not such a file is refused in a line that says what it should be.
func TestOtherFilesAreRefused(t *testing.T) {
	const body = `the second line must be one []byte("...")`
	for text, says := range map[string]string{
		"":                              "not a file of the native fuzzer",
		"raw":                           "not a file of the native fuzzer",
		"go test fuzz v2\n[]byte(\"\")": "not a file of the native fuzzer",
		nativeHeader:                    body,
		nativeHeader + "string(\"a\")":  body,
		nativeHeader + "[]byte(\"a\")\n[]byte(\"b\")": body,
		nativeHeader + "[]byte(\"a\", \"b\")":         body,
		nativeHeader + "[4]byte(\"abcd\")":            body,
		nativeHeader + "[]rune(\"a\")":                body,
		nativeHeader + "[]byte(1)":                    body,
		nativeHeader + "[]byte(\"a":                   body,
	} {
		if data, err := Raw([]byte(text)); err == nil || data != nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q reads as %q, %v; want %q", text, data, err, says)
		}
	}
}

// mostBytes keeps the corpus small: fuzzers read all of it at each start, and people now and then.
const mostBytes = 300 << 10

func TestCorpusIsSmall(t *testing.T) {
	folders, err := files.ReadDir(".")
	if err != nil || len(folders) == 0 {
		t.Fatalf("%d folders, %v", len(folders), err)
	}
	bytes := 0
	for _, folder := range folders {
		list, err := Files(folder.Name())
		if err != nil || len(list) == 0 {
			t.Errorf("%s: %d files, %v", folder.Name(), len(list), err)
		}
		for _, f := range list {
			bytes += len(f.Data)
		}
	}
	if bytes > mostBytes {
		t.Errorf("%d bytes: keep at most %d", bytes, mostBytes)
	}
	if _, err := Files("nothing"); err == nil || !strings.Contains(err.Error(), "fuzz/corpus/nothing") {
		t.Errorf("a target without files: %v", err)
	}
}
