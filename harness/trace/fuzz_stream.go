package trace

import (
	"bytes"
	"fmt"
	"strings"
)

// FuzzStream is the fuzz target of the reader of stream files, whose checksum it adds, or no change would get further than
// that. Whatever the data, reading it must not panic, an error must be one line that names the file, what is read must keep
// the package's invariants, and writing that must give the data back but for what a writer orders in its own way. It returns
// 1 for data that is a recording, so that go-fuzz prefers it.
func FuzzStream(data []byte) int {
	if r, err := decodeStream(data, "fuzz"); (r == nil) == (err == nil) {
		panic(fmt.Sprintf("error %v beside recording %v", err, r))
	}
	r, err := decodeStream(seal(bytes.Clone(data)), "fuzz")
	if err != nil {
		if r != nil || !strings.HasPrefix(err.Error(), "fuzz") || strings.Contains(err.Error(), "\n") {
			panic(fmt.Sprintf("error %q beside a recording, or without the file's name, or of several lines", err))
		}
		return 0
	}
	if err := r.Check(); err != nil {
		panic(err)
	}
	var first, second bytes.Buffer
	if err := r.WriteStream(&first); err != nil {
		panic(err)
	}
	again, err := decodeStream(first.Bytes(), "fuzz")
	if err != nil {
		panic(err)
	}
	if err := again.WriteStream(&second); err != nil {
		panic(err)
	}
	if !bytes.Equal(first.Bytes(), second.Bytes()) {
		panic("writing what was read gives other bytes")
	}
	return 1
}

// FuzzRing is the fuzz target of the reader of ring buffers. The data is one sub-buffer. Whatever it is, taking it in must
// not panic, an error must be one line, and what comes out must keep the package's invariants.
func FuzzRing(data []byte) int {
	ring, err := NewRing(fuzzHeader, fuzzFormats)
	if err != nil {
		panic(err)
	}
	if err := ring.Take(0, data); err != nil {
		if strings.Contains(err.Error(), "\n") {
			panic(fmt.Sprintf("an error of several lines: %q", err))
		}
		return 0
	}
	r, err := ring.Recording("fuzz", Source{}, 0, nil)
	if err != nil {
		return 0
	}
	if err := r.Check(); err != nil {
		panic(err)
	}
	return 1
}

// The layout of a 64-bit kernel of 2025, for fuzzing.
const fuzzHeader = "\tfield: u64 timestamp;\toffset:0;\tsize:8;\tsigned:0;\n\tfield: local_t commit;\toffset:8;\tsize:8;\tsigned:1;\n" +
	"\tfield: int overwrite;\toffset:8;\tsize:1;\tsigned:1;\n\tfield: char data;\toffset:16;\tsize:4080;\tsigned:0;\n"

// fuzzCommon begins each event.
const fuzzCommon = "format:\n\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n" +
	"\tfield:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;\n\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n\n"

var fuzzFormats = map[string]string{
	"mm_page_alloc": "name: mm_page_alloc\nID: 1\n" + fuzzCommon +
		"\tfield:unsigned long pfn;\toffset:8;\tsize:8;\tsigned:0;\n\tfield:unsigned int order;\toffset:16;\tsize:4;\tsigned:0;\n",
	"mm_page_free": "name: mm_page_free\nID: 2\n" + fuzzCommon +
		"\tfield:unsigned long pfn;\toffset:8;\tsize:8;\tsigned:0;\n\tfield:unsigned int order;\toffset:16;\tsize:4;\tsigned:0;\n",
	"block_rq_issue":    fuzzRequest("block_rq_issue", 3),
	"block_rq_complete": fuzzRequest("block_rq_complete", 4),
	"block_rq_requeue":  fuzzRequest("block_rq_requeue", 5),
	"task_newtask": "name: task_newtask\nID: 6\n" + fuzzCommon +
		"\tfield:pid_t pid;\toffset:8;\tsize:4;\tsigned:1;\n\tfield:char comm[16];\toffset:12;\tsize:16;\tsigned:0;\n",
	"task_rename": "name: task_rename\nID: 7\n" + fuzzCommon +
		"\tfield:char oldcomm[16];\toffset:12;\tsize:16;\tsigned:0;\n\tfield:char newcomm[16];\toffset:28;\tsize:16;\tsigned:0;\n",
}

func fuzzRequest(name string, id int) string {
	return fmt.Sprintf("name: %s\nID: %d\n%s\tfield:dev_t dev;\toffset:8;\tsize:4;\tsigned:0;\n"+
		"\tfield:sector_t sector;\toffset:16;\tsize:8;\tsigned:0;\n\tfield:unsigned int nr_sector;\toffset:24;\tsize:4;\tsigned:0;\n", name, id, fuzzCommon)
}
