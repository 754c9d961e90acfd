package tidy

// layerRow gives the layer of the package folders that a pattern matches.
type layerRow struct {
	pattern string // as path.Match has it: * stands for one folder
	layer   int
}

// designLayer is the layer of the designs themselves.
const designLayer = 1

// layerTable places every package folder; the first row that matches counts. A
// package may import its own layer and those below. A new folder gets a row
// here, and a line in docs/DESIGN.md.
var layerTable = []layerRow{
	{"cmd/headroom", 6},

	{"harness/debate", 5},

	// It runs the fuzz targets.
	{"internal/campaign", 5},

	// The guest's tests look at machines as the harness makes them.
	{"internal/numaboot", 5},
	{"internal/numaboot/boot", 5},

	{"harness", 4},
	{"harness/*", 4},
	{"fuzz", 4},
	{"fuzz/*", 4},
	{"fuzz/scenario/clients", 4},

	// The conformance suite runs designs on the simulator, so the two share a
	// layer; a design below it cannot name either.
	{"kernel/sim", 2},
	{"kernel/sim/*", 2},
	{"designs/catalog", 2},
	{"designs/designtest", 2},

	{"designs/mempool", designLayer},
	{"designs/reservation", designLayer},
	{"designs/percpu_tags", designLayer},
	{"designs/ida", designLayer},
	{"designs/gfp_nolocks", designLayer},
	{"designs/sbitmap", designLayer},
	{"designs/baseline", designLayer},

	{"designs", 0},
	{"designs/spec", 0},
	{"kernel", 0},
	{"kernel/*", 0},
	{"internal/*", 0},
}

// designImporter is the one package that imports the designs.
const designImporter = "designs/catalog"

// testEdges are the imports upward that tests alone may have: a design's tests
// call the conformance suite, and the ground's tests run it on the simulator.
var testEdges = []edge{
	{"designs/*", "designs/designtest"},
	{"kernel", "kernel/sim"},
	{"kernel/*", "kernel/sim"},
}

// apart are two subtrees that do not import each other. An edge of between may
// cross all the same.
var apart = struct {
	one, other string
	between    []edge
}{
	one: "harness", other: "fuzz",
	between: []edge{
		{"harness/debate", "fuzz"},
		{"harness/debate", "fuzz/*"},
		// A fuzz target feeds a parser, so it may import the parser.
		{"fuzz/target", "harness/trace"},
		{"fuzz/target", "harness/result"},
		{"fuzz/target", "harness/latency"},
	},
}

// edge is an import between folders that match two patterns.
type edge struct{ from, to string }
