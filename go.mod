module github.com/weir-sensor/weir

go 1.26.8
