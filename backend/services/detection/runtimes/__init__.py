"""What runs a model: ONNX Runtime, OpenVINO or PyTorch, one file each, behind one interface."""
