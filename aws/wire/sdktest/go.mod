module enishi.dev/enishi/aws/wire/sdktest

go 1.26.0

require (
	enishi.dev/enishi v0.0.0
	github.com/aws/aws-sdk-go-v2 v1.48.0
	github.com/aws/aws-sdk-go-v2/service/ec2 v1.344.2
	github.com/aws/aws-sdk-go-v2/service/sts v1.51.9
)

replace enishi.dev/enishi => ../../..
