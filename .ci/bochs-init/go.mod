module github.com/isrlu/isrlu/bochs-init

go 1.26.0
