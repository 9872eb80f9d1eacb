// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"context"
	"slices"
	"strconv"

	wire "enishi.dev/enishi/aws/wire/ec2"
	"enishi.dev/enishi/control/api"
	"enishi.dev/enishi/vpc"
)

func (s *Server) describeImages(_ context.Context, c *api.Call, in *wire.DescribeImagesInput) (*wire.DescribeImagesOutput, error) {
	for _, id := range in.ImageIds {
		if _, err := vpc.ParseID[string](vpc.ImageIDs, id); err != nil {
			return nil, err
		}
	}
	rows := imagesOf(c.Region, in)
	sel := selection{IDs: in.ImageIds, Filters: in.Filters, MaxResults: in.MaxResults, NextToken: in.NextToken, Fewest: 1}
	tags := func(wire.Image) map[string]string { return nil }
	rows, next, err := choose(c, sel, rows, func(i wire.Image) string { return *i.ImageId }, imageFilters(), tags)
	if err != nil {
		return nil, err
	}
	return &wire.DescribeImagesOutput{Images: append([]wire.Image{}, rows...), NextToken: next}, nil
}

// imagesOf are those with the ids that are asked for, by ImageId or by a filter, and
// without the former those that are listed; of owners that are asked for, sorted by id.
func imagesOf(region string, in *wire.DescribeImagesInput) (rows []wire.Image) {
	if len(in.ExecutableUsers) > 0 && !slices.Contains(in.ExecutableUsers, "all") {
		return nil // they are public
	}
	ids := in.ImageIds
	if len(ids) == 0 {
		ids = filteredImages(in.Filters)
		for _, i := range images {
			ids = append(ids, i.id(region))
		}
	}
	for _, id := range slices.Compact(slices.Sorted(slices.Values(ids))) {
		i := imageOf(region, id)
		if len(in.Owners) == 0 || slices.Contains(in.Owners, i.owner) || i.alias != "" && slices.Contains(in.Owners, i.alias) {
			rows = append(rows, i.wire(id))
		}
	}
	return rows
}

// filteredImages are the ids that filters name: as good as asking for them.
func filteredImages(all []wire.Filter) []string {
	var ids []string
	for _, f := range all {
		for _, id := range f.Values {
			if value(f.Name) == "image-id" && vpc.ImageIDs.Is(id) {
				ids = append(ids, id)
			}
		}
	}
	return ids
}

// imageFilters look at images as AWS writes them.
func imageFilters() filters[wire.Image] {
	text := func(of func(wire.Image) *string) func(wire.Image) []string {
		return func(i wire.Image) []string { return []string{value(of(i))} }
	}
	disk := func(of func(wire.EbsBlockDevice) string) func(wire.Image) []string {
		return func(i wire.Image) []string { return []string{of(*i.BlockDeviceMappings[0].Ebs)} }
	}
	f := filters[wire.Image]{
		"architecture": one(func(i wire.Image) wire.ArchitectureValues { return i.Architecture }),
		"block-device-mapping.delete-on-termination": disk(func(e wire.EbsBlockDevice) string { return strconv.FormatBool(*e.DeleteOnTermination) }),
		"block-device-mapping.device-name":           text(func(i wire.Image) *string { return i.BlockDeviceMappings[0].DeviceName }),
		"block-device-mapping.encrypted":             disk(func(e wire.EbsBlockDevice) string { return strconv.FormatBool(*e.Encrypted) }),
		"block-device-mapping.volume-size":           disk(func(e wire.EbsBlockDevice) string { return strconv.Itoa(int(*e.VolumeSize)) }),
		"block-device-mapping.volume-type":           disk(func(e wire.EbsBlockDevice) string { return string(e.VolumeType) }),
		"boot-mode":                                  one(func(i wire.Image) wire.BootModeValues { return i.BootMode }),
		"creation-date":                              text(func(i wire.Image) *string { return i.CreationDate }),
		"description":                                text(func(i wire.Image) *string { return i.Description }),
		"ena-support":                                func(i wire.Image) []string { return []string{strconv.FormatBool(*i.EnaSupport)} },
		"hypervisor":                                 one(func(i wire.Image) wire.HypervisorType { return i.Hypervisor }),
		"image-id":                                   text(func(i wire.Image) *string { return i.ImageId }),
		"image-type":                                 one(func(i wire.Image) wire.ImageTypeValues { return i.ImageType }),
		"is-public":                                  func(i wire.Image) []string { return []string{strconv.FormatBool(*i.Public)} },
		"manifest-location":                          text(func(i wire.Image) *string { return i.ImageLocation }),
		"name":                                       text(func(i wire.Image) *string { return i.Name }),
		"owner-alias":                                text(func(i wire.Image) *string { return i.ImageOwnerAlias }),
		"owner-id":                                   text(func(i wire.Image) *string { return i.OwnerId }),
		"root-device-name":                           text(func(i wire.Image) *string { return i.RootDeviceName }),
		"root-device-type":                           one(func(i wire.Image) wire.DeviceType { return i.RootDeviceType }),
		"sriov-net-support":                          text(func(i wire.Image) *string { return i.SriovNetSupport }),
		"state":                                      one(func(i wire.Image) wire.ImageState { return i.State }),
		"virtualization-type":                        one(func(i wire.Image) wire.VirtualizationType { return i.VirtualizationType }),
	}
	for _, name := range absentOfImages {
		f[name] = func(wire.Image) []string { return nil }
	}
	return f
}
