package report

import (
	"bytes"
	_ "embed"
	"fmt"
	"html"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/renderer"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"

	"headroom/harness/result"
)

//go:embed page.css
var styles string

// Page turns a report in Markdown into one HTML file that needs no other: the SVG of each picture in files stands where the report shows it.
// The error names a picture that the report shows and files lack.
func Page(markdown []byte, files []result.File) ([]byte, error) {
	vectors := make(map[string][]byte)
	for _, f := range files {
		if name, ok := strings.CutSuffix(f.Name, ".svg"); ok {
			vectors[name+".png"] = f.Data
		}
	}
	md := goldmark.New(
		goldmark.WithExtensions(extension.Table),
		goldmark.WithParserOptions(parser.WithAutoHeadingID()),
		goldmark.WithRendererOptions(renderer.WithNodeRenderers(util.Prioritized(inlined{vectors}, 1))),
	)
	tree := md.Parser().Parse(text.NewReader(markdown))
	title, contents := outline(tree, markdown)
	var body bytes.Buffer
	if err := md.Renderer().Render(&body, markdown, tree); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"+
		"<link rel=\"icon\" href=\"data:,\">\n<title>%s</title>\n<style>\n%s</style>\n</head>\n<body>\n", html.EscapeString(title), styles)
	fmt.Fprintf(&b, "<nav aria-label=\"Contents\">\n%s</nav>\n<main>\n%s</main>\n</body>\n</html>\n", contents, tables(body.String()))
	return b.Bytes(), nil
}

// tables puts every table into a frame that scrolls by itself, so that a wide one does not widen the page. Text cannot hold the tag: it is
// escaped there.
func tables(body string) string {
	body = strings.ReplaceAll(body, "<table>", "<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"Table\">\n<table>")
	return strings.ReplaceAll(body, "</table>", "</table>\n</div>")
}

// outline gives the title of a report, and its headings of the second and third level as a list of links.
func outline(tree ast.Node, source []byte) (title, contents string) {
	var b strings.Builder
	open := false // a list of third level
	for n := tree.FirstChild(); n != nil; n = n.NextSibling() {
		h, ok := n.(*ast.Heading)
		if !ok {
			continue
		}
		words := plainText(h, source)
		id, _ := h.AttributeString("id")
		link := fmt.Sprintf("<a href=\"#%s\">%s</a>", id, html.EscapeString(words))
		switch {
		case h.Level == 1:
			title = words
		case h.Level == 2:
			if open {
				b.WriteString("</ul>\n")
				open = false
			}
			fmt.Fprintf(&b, "<p>%s</p>\n", link)
		case h.Level == 3:
			if !open {
				b.WriteString("<ul>\n")
				open = true
			}
			fmt.Fprintf(&b, "<li>%s</li>\n", link)
		}
	}
	if open {
		b.WriteString("</ul>\n")
	}
	return title, b.String()
}

// plainText is the text below a node, without its marks.
func plainText(n ast.Node, source []byte) string {
	var b strings.Builder
	_ = ast.Walk(n, func(n ast.Node, entering bool) (ast.WalkStatus, error) { // the walker below gives no error
		if t, ok := n.(*ast.Text); ok && entering {
			b.Write(t.Segment.Value(source))
		}
		return ast.WalkContinue, nil
	})
	return html.UnescapeString(b.String())
}

// inlined renders a picture as the SVG of its vector form, and a link to another file of the run's folder as its text: the page stands alone.
type inlined struct{ vectors map[string][]byte }

// RegisterFuncs tells goldmark which nodes are rendered here.
func (r inlined) RegisterFuncs(reg renderer.NodeRendererFuncRegisterer) {
	reg.Register(ast.KindImage, r.image)
	reg.Register(ast.KindLink, r.link)
}

func (r inlined) image(w util.BufWriter, source []byte, node ast.Node, entering bool) (ast.WalkStatus, error) {
	if !entering {
		return ast.WalkContinue, nil
	}
	name := string(node.(*ast.Image).Destination)
	svg, ok := r.vectors[name]
	if !ok {
		return ast.WalkStop, fmt.Errorf("the report shows %s, and there is no SVG of it", name)
	}
	at := bytes.Index(svg, []byte("<svg"))
	if at < 0 {
		return ast.WalkStop, fmt.Errorf("the SVG of %s has no <svg> in it", name)
	}
	alt := html.EscapeString(plainText(node, source))
	fmt.Fprintf(w, "<span class=\"picture\"><svg role=\"img\" aria-label=\"%s\"%s</span>", alt, bytes.TrimSpace(svg[at+len("<svg"):]))
	return ast.WalkSkipChildren, nil
}

func (r inlined) link(w util.BufWriter, _ []byte, node ast.Node, entering bool) (ast.WalkStatus, error) {
	destination := node.(*ast.Link).Destination
	if !bytes.HasPrefix(destination, []byte("#")) {
		return ast.WalkContinue, nil
	}
	if entering {
		fmt.Fprintf(w, "<a href=\"%s\">", util.EscapeHTML(util.URLEscape(destination, false)))
	} else {
		_, _ = w.WriteString("</a>")
	}
	return ast.WalkContinue, nil
}
