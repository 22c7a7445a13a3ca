module github.com/isrlu/isrlu/gen

go 1.26.0
