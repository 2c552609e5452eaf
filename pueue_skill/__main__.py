from pueue_skill.cli.main import main

raise SystemExit(main())
