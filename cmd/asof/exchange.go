package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"text/tabwriter"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// exchange does one HTTP request and shows it: the request, the status, the headers that
// matter here, and a page's table as text.
func exchange(ctx context.Context, out io.Writer, address string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Accept", "text/html, */*;q=0.1")
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return err
	}
	u, err := url.Parse(address)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "   > GET %s %s\n", u.RequestURI(), req.Proto)
	fmt.Fprintf(out, "   < %s %s\n", resp.Proto, resp.Status)
	for _, name := range []string{"Location", "Content-Type", "Content-Length", "Last-Modified", "ETag", "Cache-Control"} {
		if value := resp.Header.Get(name); value != "" {
			fmt.Fprintf(out, "   < %s: %s\n", name, value)
		}
	}
	if resp.StatusCode == http.StatusOK && strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html") {
		return printTable(out, body)
	}
	return nil
}

// printTable prints the heading and the table of a page, but not its calendar and the
// headings in it.
func printTable(out io.Writer, page []byte) error {
	doc, err := html.Parse(bytes.NewReader(page))
	if err != nil {
		return err
	}
	fmt.Fprintln(out)
	w := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	for n := range doc.Descendants() {
		switch n.DataAtom {
		case atom.H1:
			fmt.Fprintf(w, "     %s\n", text(n))
		case atom.Tr:
			if inCalendar(n) {
				continue
			}
			var cells []string
			for c := range n.ChildNodes() {
				if (c.DataAtom == atom.Td || c.DataAtom == atom.Th) && !hidden(c) {
					cells = append(cells, text(c))
				}
			}
			if len(cells) > 1 { // not a heading within the table
				fmt.Fprintf(w, "     %s\n", strings.TrimRight(strings.Join(cells, "\t"), "\t"))
			}
		}
	}
	return w.Flush()
}

func inCalendar(row *html.Node) bool {
	for n := range row.Ancestors() {
		if slices.Contains(n.Attr, html.Attribute{Key: "id", Val: "cal"}) {
			return true
		}
	}
	return false
}

// hidden reports whether a page shows a cell only on demand.
func hidden(n *html.Node) bool {
	return slices.Contains(n.Attr, html.Attribute{Key: "class", Val: "h"})
}

func text(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data)
		}
	}
	return strings.TrimSpace(b.String())
}
