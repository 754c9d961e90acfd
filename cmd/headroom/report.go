package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"headroom/harness/report"
)

func reportCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "report DIR",
		Short: "Write the report and the pictures of an existing result anew",
		Long: `Report reads env.txt, raw.txt and cells.json of a result folder and writes report.md, report.html and the pictures
into it, as bench does at its end. The same folder gives the same bytes. It prints the path of report.md.
Exit status: 0 written, 2 the folder cannot be used.`,
		Example: "  headroom report results/latest",
		Args:    arguments(1),
		RunE: func(_ *cobra.Command, args []string) error {
			path, err := report.Write(args[0])
			if err != nil {
				return err
			}
			fmt.Println(path)
			return nil
		},
	}
}
