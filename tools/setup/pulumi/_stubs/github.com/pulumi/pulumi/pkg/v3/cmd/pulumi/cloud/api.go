package cloud

import (
	"errors"

	"github.com/spf13/cobra"
)

// ParamSpec is empty: types of envelope.go refer to it, but only `pulumi api` uses them.
type ParamSpec struct{}

// NewAPICmd returns a `pulumi api` that fails, and says which build has it.
func NewAPICmd() *cobra.Command {
	return &cobra.Command{
		Use:                "api",
		Short:              "Not in this build of Pulumi",
		DisableFlagParsing: true,
		RunE: func(*cobra.Command, []string) error {
			return errors.New("this pulumi was built without `pulumi api`: install the release from pulumi.com")
		},
	}
}
