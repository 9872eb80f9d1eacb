// SPDX-License-Identifier: Apache-2.0

package ec2

import (
	"context"
	"encoding/base64"

	"enishi.dev/enishi/aws/awserr"
	wire "enishi.dev/enishi/aws/wire/ec2"
	"enishi.dev/enishi/control/api"
	"enishi.dev/enishi/store"
	"enishi.dev/enishi/vpc"
)

// needInstance is the caller's instance with the id, if it is still described.
func needInstance(v *store.View, c *api.Call, s *Server, id *string) (vpc.Instance, error) {
	i, err := need(v.Instances, c, vpc.InstanceIDs, "InstanceId", id)
	if err == nil && i.Forgotten(s.now()) {
		err = vpc.InstanceIDs.NotFound(string(i.ID))
	}
	return i, err
}

// userData is what a request has as BASE64.
func userData(encoded string) ([]byte, error) {
	b, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return nil, awserr.New("InvalidUserData.Malformed", "Invalid BASE64 encoding of user data.")
	}
	return b, nil
}

func (s *Server) describeInstanceAttribute(_ context.Context, c *api.Call, in *wire.DescribeInstanceAttributeInput) (*wire.DescribeInstanceAttributeOutput, error) {
	v := s.store.View()
	i, err := needInstance(v, c, s, in.InstanceId)
	if err != nil {
		return nil, err
	}
	out := &wire.DescribeInstanceAttributeOutput{InstanceId: in.InstanceId}
	yes := func(b bool) *wire.AttributeBooleanValue { return &wire.AttributeBooleanValue{Value: new(b)} }
	is := wireInstance(c, v, i)
	switch in.Attribute {
	case "instanceType":
		out.InstanceType = &wire.AttributeValue{Value: new(i.Type)}
	case "userData":
		out.UserData = new(wire.AttributeValue)
		if len(i.UserData) > 0 {
			out.UserData.Value = new(base64.StdEncoding.EncodeToString(i.UserData))
		}
	case "disableApiTermination":
		out.DisableApiTermination = yes(i.KeepFromTermination)
	case "disableApiStop":
		out.DisableApiStop = yes(i.KeepFromStop)
	case "instanceInitiatedShutdownBehavior":
		out.InstanceInitiatedShutdownBehavior = &wire.AttributeValue{Value: new(i.Shutdown())}
	case "sourceDestCheck":
		out.SourceDestCheck = yes(*is.SourceDestCheck)
	case "groupSet":
		out.Groups = is.SecurityGroups
	case "rootDeviceName":
		out.RootDeviceName = &wire.AttributeValue{Value: is.RootDeviceName}
	case "blockDeviceMapping":
		out.BlockDeviceMappings = is.BlockDeviceMappings
	case "productCodes":
		out.ProductCodes = is.ProductCodes
	case "ebsOptimized":
		out.EbsOptimized = yes(*is.EbsOptimized)
	case "enaSupport":
		out.EnaSupport = yes(*is.EnaSupport)
	case "enclaveOptions":
		out.EnclaveOptions = &wire.EnclaveOptions{Enabled: new(false)}
	case "kernel":
		out.KernelId = new(wire.AttributeValue)
	case "ramdisk":
		out.RamdiskId = new(wire.AttributeValue)
	case "sriovNetSupport":
		out.SriovNetSupport = new(wire.AttributeValue)
	default:
		return nil, awserr.New("InvalidParameterValue", "Value (%s) for parameter attribute is invalid. Unknown attribute.", in.Attribute)
	}
	return out, nil
}
