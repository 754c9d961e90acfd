package fuzz

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	svg "github.com/ajstarks/svgo"
)

// The sizes of a diagram, in pixels.
const (
	rowHeight   = 15
	laneWidth   = 380
	laneGap     = 14
	gutter      = 48 // for step numbers
	topOfLanes  = 106
	letterWidth = 7 // of the font below, or a little more
	margin      = 12
)

const (
	textStyle   = "font:11px monospace;fill:#222;white-space:pre"
	headStyle   = "font:bold 13px monospace;fill:#222"
	opStyle     = "font:bold 11px monospace;fill:#124"
	faintStyle  = "font:11px monospace;fill:#888"
	switchStyle = "stroke:#999;stroke-width:1.2;fill:none"
	preemptTint = "#c22"
)

// wordColours mark the words that several tasks or interrupts access.
var wordColours = []string{"#e6550d", "#3182bd", "#31a354", "#9467bd", "#bcbd22", "#17becf", "#e377c2", "#8c564b", "#111111", "#00a676", "#ff9da7", "#7f7fff"}

// Draw draws the run as a sequence diagram in SVG: the CPUs and on each its tasks and interrupts side by side, time downward, a box for each stretch
// of steps. An arrow leads from a stretch to the next; a red one is a preemption. A colour stands for a word that several access and one writes. Of a long
// run parts are left out, and the drawing says where.
func (t *Trace) Draw(w io.Writer) error {
	d := &diagram{run: t}
	d.arrange()
	d.colour()
	var b bytes.Buffer
	d.canvas = svg.New(&b)
	d.draw()
	_, err := w.Write(b.Bytes())
	return err
}

// Drawn is how many steps a drawing of the run shows.
func (t *Trace) Drawn() (steps int) {
	d := &diagram{run: t}
	d.arrange()
	for _, p := range d.pieces() {
		if p.stretches == 0 {
			steps += p.drawn()
		}
	}
	return steps
}

// diagram is a drawing in the making.
type diagram struct {
	run    *Trace
	canvas *svg.SVG
	lanes  []lane
	of     []int // the lane of each step
	words  map[uintptr]string
	y      int // where the next row goes
}

// lane is the lifeline of a task, or an interrupt, on a CPU.
type lane struct {
	cpu, entity int
	name        string
}

// arrange finds the lanes, and puts them in order.
func (d *diagram) arrange() {
	for i := range d.run.Steps {
		s := &d.run.Steps[i]
		if l := (lane{s.CPU, s.Entity, s.Name}); !slices.Contains(d.lanes, l) {
			d.lanes = append(d.lanes, l)
		}
	}
	slices.SortFunc(d.lanes, func(a, b lane) int { return cmp.Or(a.cpu-b.cpu, a.entity-b.entity, cmp.Compare(a.name, b.name)) })
	for i := range d.run.Steps {
		s := &d.run.Steps[i]
		d.of = append(d.of, slices.Index(d.lanes, lane{s.CPU, s.Entity, s.Name}))
	}
}

// colour gives a colour to each word that several lanes access, and one writes.
func (d *diagram) colour() {
	first, written := map[uintptr]int{}, map[uintptr]bool{}
	d.words = map[uintptr]string{}
	for range 2 { // the second time all writes are known
		for i := range d.run.Steps {
			s := &d.run.Steps[i]
			if !s.OnWord() {
				continue
			}
			written[s.Offset] = written[s.Offset] || s.Kind.Writes()
			if f, ok := first[s.Offset]; !ok {
				first[s.Offset] = d.of[i]
			} else if _, coloured := d.words[s.Offset]; f != d.of[i] && written[s.Offset] && !coloured {
				d.words[s.Offset] = wordColours[len(d.words)%len(wordColours)]
			}
		}
	}
}

func (d *diagram) x(lane int) int { return margin + gutter + lane*(laneWidth+laneGap) }

// stretches cuts the steps where the lane or the execution changes, and returns the index at which each stretch begins, and the end.
func (d *diagram) stretches() (starts []int) {
	for i, l := range d.of {
		if i == 0 || l != d.of[i-1] || d.run.executionAt(i) != "" {
			starts = append(starts, i)
		}
	}
	return append(starts, len(d.of))
}

// piece is a part of the drawing: a stretch of steps of one lane, or a band in place of what is left out.
type piece struct {
	from, to         int // the steps
	foldFrom, foldTo int // those in the middle of a long stretch that are not drawn
	stretches        int // of a band: how many are left out; 0 for a stretch
}

// What is drawn of a run of more than mostDrawn steps: the edges of each long stretch, and if these are still too many, about half of mostDrawn steps from
// the start and half from the end.
const (
	edgeOfStretch = 12
	mostDrawn     = 600
)

// pieces says what is drawn.
func (d *diagram) pieces() (list []piece) {
	starts := d.stretches()
	drawn := 0
	for i := range len(starts) - 1 {
		p := piece{from: starts[i], to: starts[i+1], foldFrom: starts[i+1], foldTo: starts[i+1]}
		if len(d.run.Steps) > mostDrawn && p.to-p.from > 2*edgeOfStretch+1 {
			p.foldFrom, p.foldTo = p.from+edgeOfStretch, p.to-edgeOfStretch
		}
		list = append(list, p)
		drawn += p.drawn()
	}
	if drawn <= mostDrawn {
		return list
	}
	first, last := 0, len(list)
	for n := 0; n < mostDrawn/2; first++ {
		n += list[first].drawn()
	}
	for n := 0; n < mostDrawn/2; last-- {
		n += list[last-1].drawn()
	}
	if last-first < 2 {
		return list
	}
	band := piece{from: list[first].from, to: list[last].from, stretches: last - first}
	return slices.Replace(list, first, last, band)
}

// drawn is how many steps of a stretch are drawn.
func (p *piece) drawn() int { return p.to - p.from - (p.foldTo - p.foldFrom) }

// leftOut is what stands for steps that are not drawn.
func (p *piece) leftOut() string {
	if p.stretches > 0 {
		return fmt.Sprintf("... %d steps in %d stretches, which a listing has ...", p.to-p.from, p.stretches)
	}
	return fmt.Sprintf("... %d steps, which a listing has ...", p.foldTo-p.foldFrom)
}

// height is that of the box around a piece.
func (d *diagram) height(p *piece) int {
	if p.stretches > 0 {
		return 2 * rowHeight
	}
	n := p.drawn()
	if p.foldTo > p.foldFrom {
		n++
	}
	for i := p.from; i < p.to; i++ {
		if d.headed(i, p) {
			n++
		}
	}
	return n*rowHeight + 6
}

// headed reports whether step i is drawn, and has a heading: operation or function differ from those of the step drawn above it.
func (d *diagram) headed(i int, p *piece) bool {
	if i >= p.foldFrom && i < p.foldTo {
		return false
	}
	s, before := &d.run.Steps[i], &d.run.Steps[max(i-1, 0)]
	return i == p.from || i == p.foldTo || s.Op != before.Op || s.Function != before.Function
}

// executionHeight is that of an execution's heading.
const executionHeight = 2 * rowHeight

// gapBetween is the height between two stretches, in which the arrow is drawn.
const gapBetween = 12

func (d *diagram) draw() {
	pieces := d.pieces()
	height := topOfLanes + gapBetween
	for i := range pieces {
		height += d.height(&pieces[i]) + gapBetween
		if pieces[i].stretches == 0 && d.run.executionAt(pieces[i].from) != "" {
			height += executionHeight
		}
	}
	end := d.ending()
	width := max(d.x(len(d.lanes))+margin, 760)
	bottom := height
	height += (len(end)+1)*rowHeight + margin
	c := d.canvas
	c.Start(width, height)
	c.Rect(0, 0, width, height, "fill:#fff")
	d.heads(bottom)
	d.y = topOfLanes + gapBetween
	for i := range pieces {
		if p := &pieces[i]; p.stretches > 0 {
			c.Text(width/2, d.y+rowHeight+4, p.leftOut(), faintStyle+";text-anchor:middle")
			d.y += d.height(p) + gapBetween
		} else {
			d.stretch(p)
		}
	}
	c.Rect(margin, bottom, width-2*margin, len(end)*rowHeight+8, "fill:#fdeaea;stroke:"+preemptTint)
	for i, line := range end {
		c.Text(margin+8, bottom+(i+1)*rowHeight, line, textStyle)
	}
	c.End()
}

// heads draws the title, the CPUs, and the lifelines down to bottom.
func (d *diagram) heads(bottom int) {
	c, t := d.canvas, d.run
	c.Text(margin, 18, t.Title, headStyle)
	said := fmt.Sprintf("%s; %d steps, %d preemptions", t.Class, len(t.Steps), d.preemptions())
	if t.Executions > 1 {
		said += fmt.Sprintf("; %d executions, one below the other", t.Executions)
	}
	c.Text(margin, 34, said, textStyle)
	c.Text(margin, 50, "a box: steps in a row; red arrow: a preemption; grey arrow: the one before waits, spins or has ended", faintStyle)
	c.Text(margin, 64, "a dot: a word that several access and one writes, a colour a word", faintStyle)
	for i, l := range d.lanes {
		x := d.x(i)
		if i == 0 || d.lanes[i-1].cpu != l.cpu {
			last := i
			for last+1 < len(d.lanes) && d.lanes[last+1].cpu == l.cpu {
				last++
			}
			c.Rect(x-4, 72, d.x(last)+laneWidth+4-(x-4), bottom-72-gapBetween/2, "fill:#f4f6f9;stroke:#d5dbe3")
			c.Text(x+2, 87, fmt.Sprintf("CPU %d", l.cpu), headStyle)
		}
		c.Text(x+2, 104, l.name+d.operations(l.name), opStyle)
		c.Line(x+laneWidth/2, topOfLanes+2, x+laneWidth/2, bottom-gapBetween, "stroke:#b8c2cf;stroke-dasharray:3,3")
	}
}

// operations lists what a task of the program is to do.
func (d *diagram) operations(name string) string {
	for _, t := range d.run.Tasks {
		if t.Name == name {
			return clipped(": "+t.Ops, (laneWidth-30)/letterWidth)
		}
	}
	return ""
}

// operation is an operation without the name of the file that the title begins with.
func (d *diagram) operation(op string) string {
	file, _, _ := strings.Cut(d.run.Title, ": ")
	if rest, ok := strings.CutPrefix(op, file+":"); ok {
		return "line " + rest
	}
	return op
}

func (d *diagram) preemptions() (n int) {
	for i := range d.run.Steps {
		if d.run.Steps[i].Preempts {
			n++
		}
	}
	return n
}

// stretch draws the steps of a lane, and the arrow that leads there.
func (d *diagram) stretch(p *piece) {
	c, x, from := d.canvas, d.x(d.of[p.from]), p.from
	if head := d.run.executionAt(from); head != "" {
		c.Text(margin, d.y+rowHeight, head, headStyle)
		d.y += executionHeight
	} else if from > 0 {
		d.arrow(d.of[from-1], d.of[from], d.run.Steps[from].Preempts)
	}
	border := "#8aa"
	if d.run.Steps[from].Preempts {
		border = preemptTint
	}
	c.Rect(x, d.y, laneWidth, d.height(p), "fill:#fff;stroke:"+border)
	row := d.y + rowHeight - 2
	for i := from; i < p.to; i++ {
		if i >= p.foldFrom && i < p.foldTo {
			c.Text(x+14, row, p.leftOut(), faintStyle)
			row += rowHeight
			i = p.foldTo - 1
			continue
		}
		s := &d.run.Steps[i]
		if d.headed(i, p) {
			heading := s.Function
			if before := &d.run.Steps[max(i-1, 0)]; i == from || s.Op != before.Op {
				heading = strings.TrimSuffix(d.operation(s.Op)+": "+s.Function, ": ")
			}
			c.Text(x+6, row, clipped(heading, laneWidth/letterWidth-1), opStyle)
			row += rowHeight
		}
		c.Text(margin+gutter-10, row, fmt.Sprint(s.Number), faintStyle+";text-anchor:end")
		d.step(s, x, row)
		row += rowHeight
	}
	d.y += d.height(p) + gapBetween
}

// step draws one step: the access, where it is in the source, and its word.
func (d *diagram) step(s *PlayedStep, x, row int) {
	c := d.canvas
	const wordAt = laneWidth - 64
	text := fmt.Sprintf("%-9v %s %s", s.Kind, s.Line, s.Inner)
	if s.Note != "" {
		text = fmt.Sprintf("%-9v %s", s.Kind, s.Note)
	}
	c.Text(x+14, row, clipped(text, (wordAt-24)/letterWidth), textStyle)
	if !s.OnWord() {
		return
	}
	if tint, ok := d.words[s.Offset]; ok {
		c.Circle(x+wordAt-6, row-4, 4, "fill:"+tint)
	}
	c.Text(x+wordAt, row, fmt.Sprintf("+%#x", s.Offset), textStyle)
}

// arrow leads from the stretch above to the one that begins at d.y.
func (d *diagram) arrow(from, to int, preempts bool) {
	style, tint := switchStyle, "#999"
	if preempts {
		style, tint = strings.Replace(switchStyle, "#999", preemptTint, 1), preemptTint
	}
	x1, x2 := d.x(from)+laneWidth/2, d.x(to)+laneWidth/2
	top, tip := d.y-gapBetween, d.y
	middle := (top + tip) / 2
	d.canvas.Polyline([]int{x1, x1, x2, x2}, []int{top, middle, middle, tip - 4}, style)
	d.canvas.Polygon([]int{x2 - 4, x2 + 4, x2}, []int{tip - 5, tip - 5, tip}, "fill:"+tint)
}

// ending is how the run ended, in lines.
func (d *diagram) ending() []string {
	text := "the run did not fail, or was broken off where it left the schedule"
	if d.run.Ending != "" {
		text = d.run.Ending
	}
	most := (max(d.x(len(d.lanes))+margin, 760) - 2*margin - 16) / letterWidth
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && len(line)+1+len(word) > most {
			lines = append(lines, line)
			line = ""
		}
		line = strings.TrimSpace(line + " " + word)
	}
	return append(lines, line)
}

// clipped cuts a text that is too long for its place.
func clipped(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return s[:most-2] + ".."
}
