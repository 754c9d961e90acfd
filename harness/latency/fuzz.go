package latency

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash/adler32"
	"math"
	"strings"

	"github.com/HdrHistogram/hdrhistogram-go"

	"headroom/harness/result"
)

// Fuzz is the fuzz target of the histogram reader. The data is read as it is, and as what lies inside a stored histogram, behind its compression and
// its encoding, or no change would get further than those. Whatever it is, reading it must not panic: it gives one line that says what is wrong, or a
// histogram that can be merged, has rising percentiles, and is what it was after it is stored and read again. It returns 1 for data that is a
// histogram, so that go-fuzz prefers it.
func Fuzz(data []byte) int {
	return max(fuzzText(string(data)), fuzzText(seal(data)))
}

// seal makes data the inside of a stored histogram: an encoding that is compressed, has its kind and length in front, and is written in base64. The
// compressed form is that of zlib with nothing compressed, since a compressor takes longer than the reader.
func seal(data []byte) string {
	const most = 1<<16 - 1 // bytes of a block that is stored as it is
	inside := []byte{0x78, 0x01}
	for rest := data; ; {
		block := rest[:min(len(rest), most)]
		rest = rest[len(block):]
		last := byte(0)
		if len(rest) == 0 {
			last = 1
		}
		inside = append(inside, last)
		inside = binary.LittleEndian.AppendUint16(inside, uint16(len(block)))
		inside = binary.LittleEndian.AppendUint16(inside, ^uint16(len(block)))
		inside = append(inside, block...)
		if last == 1 {
			break
		}
	}
	inside = binary.BigEndian.AppendUint32(inside, adler32.Checksum(data))
	text := binary.BigEndian.AppendUint32(nil, uint32(hdrhistogram.V2CompressedEncodingCookieBase|sealedWords))
	text = binary.BigEndian.AppendUint32(text, uint32(len(inside)))
	return base64.StdEncoding.EncodeToString(append(text, inside...))
}

// sealedWords is what the kind says of the size of words: the format's own constant.
const sealedWords = 0x10

func fuzzText(text string) int {
	h, err := decode(text)
	if err != nil {
		if h != nil || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), remedy) {
			panic(fmt.Sprintf("error %q beside a histogram, or of several lines, or without a remedy", err))
		}
		return 0
	}
	s := newScale(1)
	s.histogram = h
	again, err := s.text()
	if err != nil {
		panic(err)
	}
	stored := result.Latency{Timed: result.TimedOperation, Method: result.Sampled, Count: h.TotalCount(), MaxNs: math.Inf(1), Histogram: again}
	d, err := Merge([]result.Latency{stored})
	if err != nil {
		panic(err)
	}
	if d.Count() != h.TotalCount() {
		panic(fmt.Sprintf("%d operations became %d", h.TotalCount(), d.Count()))
	}
	last := 0.0
	for _, p := range []float64{1, 50, 99, 99.9, 100} {
		now := d.Percentile(p)
		if now < last {
			panic(fmt.Sprintf("percentile %v is %v, a lower one %v", p, now, last))
		}
		last = now
	}
	return 1
}
