SHELL := /usr/bin/python3
all:
	rsync = "python train.py"
