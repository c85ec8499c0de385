package cloud

import (
	"errors"

	"github.com/spf13/cobra"
)

// ParamSpec is named by types of envelope.go that only `pulumi api` uses.
type ParamSpec struct{}

// NewAPICmd returns a `pulumi api` that says why it is not there.
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
