// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"

	wire "enishi.dev/enishi/aws/wire/ec2"
	"enishi.dev/enishi/control/api"
	"enishi.dev/enishi/vpc"
)

// There is one image, the host's own file system, and every id leads to it. It
// looks like Amazon's own, so that clients which search for that one find it.
const (
	imageName       = "al2023-ami-2023.0.20260101.0-kernel-6.1-x86_64"
	imageDate       = "2026-01-01T00:00:00.000Z"
	imageOwner      = "137112412989"
	imageOwnerAlias = "amazon"
	imageRoot       = "/dev/xvda"
)

// wellKnownImage is the id by which a region lists the image.
func wellKnownImage(region string) string {
	sum := sha256.Sum256([]byte(region + "/" + imageName))
	return "ami-" + hex.EncodeToString(sum[:])[:17]
}

func (s *Server) describeImages(_ context.Context, c *api.Call, in *wire.DescribeImagesInput) (*wire.DescribeImagesOutput, error) {
	ids := in.ImageIds
	for _, id := range ids {
		if _, err := vpc.ParseID[string](vpc.ImageIDs, id); err != nil {
			return nil, err
		}
	}
	if len(ids) == 0 {
		ids = append(filteredImages(in.Filters), wellKnownImage(c.Region))
	}
	var rows []wire.Image
	if visibleImage(in) {
		for _, id := range slices.Compact(slices.Sorted(slices.Values(ids))) {
			rows = append(rows, wireImage(id))
		}
	}
	sel := selection{IDs: in.ImageIds, Filters: in.Filters, MaxResults: in.MaxResults, NextToken: in.NextToken, Fewest: 1}
	tags := func(wire.Image) map[string]string { return nil }
	rows, next, err := choose(c, sel, rows, func(i wire.Image) string { return *i.ImageId }, imageFilters(), tags)
	if err != nil {
		return nil, err
	}
	return &wire.DescribeImagesOutput{Images: append([]wire.Image{}, rows...), NextToken: next}, nil
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

// visibleImage says whether a public image of Amazon's is among what is asked for.
func visibleImage(in *wire.DescribeImagesInput) bool {
	has := func(asked []string, is ...string) bool {
		return len(asked) == 0 || slices.ContainsFunc(is, func(s string) bool { return slices.Contains(asked, s) })
	}
	return has(in.Owners, imageOwner, imageOwnerAlias) && has(in.ExecutableUsers, "all")
}

func wireImage(id string) wire.Image {
	return wire.Image{
		Architecture: "x86_64", BootMode: "uefi-preferred", CreationDate: new(imageDate), Description: new("The file system of the host"),
		BlockDeviceMappings: []wire.BlockDeviceMapping{{DeviceName: new(imageRoot), Ebs: &wire.EbsBlockDevice{
			DeleteOnTermination: new(true), Encrypted: new(false), VolumeSize: new(int32(8)), VolumeType: "gp3",
		}}},
		EnaSupport: new(true), Hypervisor: "xen", ImageId: &id, ImageLocation: new(imageOwnerAlias + "/" + imageName),
		ImageOwnerAlias: new(imageOwnerAlias), ImageType: "machine", Name: new(imageName), OwnerId: new(imageOwner),
		PlatformDetails: new(platform), Public: new(true), RootDeviceName: new(imageRoot), RootDeviceType: "ebs",
		SriovNetSupport: new("simple"), State: "available", Tags: []wire.Tag{}, UsageOperation: new(usage), VirtualizationType: "hvm",
	}
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
