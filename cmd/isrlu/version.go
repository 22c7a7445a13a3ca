package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"github.com/isrlu/isrlu"
)

func newVersionCmd() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print the version, the Go release and the SIMD levels",
		Long:    "version prints what a report of a fault should name.",
		Example: "  isrlu version",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "isrlu %s, %s, %s/%s, SIMD %s of %s\n",
				version(), runtime.Version(), runtime.GOOS, runtime.GOARCH,
				isrlu.SIMDLevel(), strings.Join(isrlu.SIMDLevels(), ", "))
			return err
		},
	}
}

// version returns that of the module, or the commit of the checkout.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(unknown)"
	}
	return info.Main.Version
}
